"""The benchmark that kills studies: a few cycles of it, and the violations that it detects."""

import random
import signal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def kill_and_resume(benchmarks_on_the_path):
    """Return the script as a module."""
    import kill_and_resume

    return kill_and_resume


@pytest.fixture
def study(kill_and_resume, tmp_path):
    """Return a killed study, and a function that stores a part in it."""
    killed = kill_and_resume.KilledStudy(tmp_path / "killed", 0, random.Random(0), plots=False, patience=5)
    (tmp_path / "killed" / "study" / "trials").mkdir(parents=True)

    def store(name, *rows):
        pq.write_table(
            pa.Table.from_pylist(rows), tmp_path / "killed" / "study" / "trials" / f"{name}.parquet"
        )

    return killed, store


@pytest.fixture
def interruptible():
    """Let the processes of the benchmark end on SIGINT, which the parent of the tests may ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def row(key, status="exhausted", objective=1.0):
    return {"trial_key": key, "status": status, "final_objective": objective}


def test_killed_studies_lose_nothing(kill_and_resume, interruptible, tmp_path):
    """Three kills at random moments change neither rows nor tables."""
    # Six times the promised seconds, for a machine that runs other tests.
    outcomes, violations = kill_and_resume.prove(3, 1, tmp_path, plots=False, patience=30)
    assert violations == []
    assert outcomes.total() == 3


def test_a_lost_row_is_a_violation(kill_and_resume, study):
    """A row that was stored before the kill is missing after it."""
    killed, store = study
    store("1", row("a"))
    with pytest.raises(
        kill_and_resume.ViolationError, match="trial b was stored before the kill, and is lost"
    ):
        killed._check_rows({"a": row("a"), "b": row("b")})


def test_a_changed_bit_is_a_violation(kill_and_resume, study):
    """The last bit of a stored number differs, or the column is gone."""
    killed, store = study
    store("1", row("a", objective=1.0 + 2**-52))
    with pytest.raises(kill_and_resume.ViolationError, match=r"trial a .* changed in \['final_objective'\]"):
        killed._check_rows({"a": row("a")})


def test_a_second_result_is_a_violation(kill_and_resume, study):
    """A crashed row may be replaced by a result, but a result by nothing."""
    killed, store = study
    store("1", row("a", "crashed"))
    store("2", row("a"))
    assert kill_and_resume.final_rows(killed.folder / "study") == {"a": row("a")}
    store("3", row("a"))
    with pytest.raises(kill_and_resume.ViolationError, match="1 trials have two results"):
        kill_and_resume.final_rows(killed.folder / "study")


def test_another_number_than_undisturbed_is_a_violation(kill_and_resume, study, tmp_path):
    """NaN equals NaN, and times may differ."""
    killed, store = study
    undisturbed = kill_and_resume.KilledStudy(
        tmp_path / "other", 0, random.Random(0), plots=False, patience=5
    )
    (tmp_path / "other" / "study" / "trials").mkdir(parents=True)
    expected = [row("a", objective=float("nan")) | {"wall_seconds": 1.0}, row("b") | {"wall_seconds": 1.0}]
    pq.write_table(pa.Table.from_pylist(expected), tmp_path / "other" / "study" / "trials" / "1.parquet")
    store("1", *(measured | {"wall_seconds": 2.0} for measured in expected))
    killed.compare_with(undisturbed)
    store("1", expected[0], row("b", objective=2.0))
    with pytest.raises(kill_and_resume.ViolationError, match="trial b differs from the undisturbed study"):
        killed.compare_with(undisturbed)
