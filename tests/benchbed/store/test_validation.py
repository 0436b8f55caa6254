"""Rows are not evaluated if any of their values contradicts the plan or another value."""

import json
import math
import random
import shutil

import pyarrow as pa
import pytest

import benchbed
from benchbed.store import TRIAL_SCHEMA, StudyFolder, from_bytes, table_of, to_bytes

OPTIONS = {"preset": "quick", "steps": 20, "seeds": 2, "tracks": ["default"], "executor": "serial"}
NUMBERS = [None, -1.0, 0.0, 7.5, math.nan, math.inf, 1e308]
TEXTS = [
    None,
    "",
    "x",
    "gd",
    "solved",
    "diverged",
    "tuning",
    "[]",
    "null",
    "{",
    '{"learning_rate": "a"}',
    "float32",
]
IN_KEY = {
    "problem", "problem_parameters", "problem_source", "optimizer", "optimizer_source", "hyperparameters",
    "role", "seed", "budget", "dtype", "gradient", "gradient_source", "device",
}  # fmt: skip
CHECKED = {
    "initial_objective", "final_objective", "best_objective", "gap", "curve_calls", "status", "scale", "optimum",
}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return the folder of a small study."""
    folder = tmp_path_factory.mktemp("validated") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        benchbed.run(problems=["quadratic"], optimizers=["gd", "adam"], output=folder, **OPTIONS)
    return folder


@pytest.fixture
def copy(study, tmp_path):
    """Return a copy of the study."""
    return shutil.copytree(study, tmp_path / "study")


def wrong_value(kind, generator):
    """Return a value of a column's type that is probably not the right one."""
    if pa.types.is_map(kind):
        return [("a", wrong_value(kind.item_type, generator))]
    if pa.types.is_list(kind):
        length = generator.choice([0, 1, 3, 50])
        return generator.choice([None, [wrong_value(kind.value_type, generator) for _ in range(length)]])
    if kind == pa.string():
        return generator.choice(TEXTS)
    if kind == pa.bool_():
        return generator.choice([None, True, False])
    return generator.choice([None, -1, 0, 3, 2**62] if kind == pa.int64() else NUMBERS)


def rewrite(folder, change):
    """Change the rows of the first stored batch by a function."""
    path = StudyFolder(folder).parts()[0]
    rows = from_bytes(path.read_bytes()).to_pylist()
    change(rows)
    path.write_bytes(to_bytes(table_of(rows)))
    return path


def evaluate(folder):
    """Compute everything that a study offers, and return the study."""
    study = benchbed.load(folder)
    assert len(study.summary) == len(study.measures) == 2
    assert set(study.curves["trial_key"]) <= set(study.trials["trial_key"])
    return study


@pytest.mark.parametrize("column", TRIAL_SCHEMA.names)
def test_a_wrong_value_ends_no_evaluation(column, copy):
    """A row with one is either evaluated without an exception, or its batch is not read, with a warning."""
    generator, kind = random.Random(column), TRIAL_SCHEMA.field(column).type
    original = StudyFolder(copy).parts()[0].read_bytes()
    for _ in range(2):
        StudyFolder(copy).parts()[0].write_bytes(original)
        wrong = wrong_value(kind, generator)
        before = from_bytes(original)[column][0].as_py()
        path = rewrite(copy, lambda rows, wrong=wrong: rows[0].update({column: wrong}))
        study = evaluate(copy)
        if column in IN_KEY | CHECKED and json.dumps(wrong) != json.dumps(before) and wrong != "diverged":
            unmatched = f"1 row in {copy}/trials do not match their trial_key; their trials count as not run"
            (warning,) = study.warnings
            assert warning.startswith(f"{path} cannot be read (") or (
                column in IN_KEY and warning == unmatched
            )


def test_rows_of_another_trial_are_run_again(copy):
    """Two rows that have exchanged their keys would give two false numbers."""

    def exchange(rows):
        rows[0]["trial_key"], rows[1]["trial_key"] = rows[1]["trial_key"], rows[0]["trial_key"]

    rewrite(copy, exchange)
    assert evaluate(copy).lost == 2


def test_damaged_rows_run_again_and_keep_the_others(copy, study):
    """The contradictory batch is set aside; the study is then as it was, without a warning."""
    path = rewrite(copy, lambda rows: rows[0].update(final_objective=0.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        again = benchbed.run(problems=["quadratic"], optimizers=["gd", "adam"], output=copy, **OPTIONS)
    assert (copy / "set-aside" / path.name).exists()
    assert [warning for warning in again.warnings if "final_objective" in warning]
    assert benchbed.load(copy).warnings == []
    names = [name for name in TRIAL_SCHEMA.names if name not in ("wall_seconds", "peak_bytes")]
    tables = [
        StudyFolder(folder).read_trials().sort_by("trial_key").select(names) for folder in (copy, study)
    ]
    assert json.dumps(tables[0].to_pylist()) == json.dumps(tables[1].to_pylist())


def test_rows_of_another_plan_are_left_out_without_a_warning(copy):
    """They stay stored, and a later plan may need them."""
    keys = StudyFolder(copy).read_trials()["trial_key"].to_pylist()
    plan = json.loads((copy / "plan.json").read_text())
    (copy / "plan.json").write_text(json.dumps(plan | {"study_seed": plan["study_seed"] + 1}))
    study = benchbed.load(copy)
    assert study.warnings == []
    assert study.lost == len(keys)
    assert study.trials.empty
