"""Tests of reading suites and of options that override them."""

import re
from pathlib import Path

import pytest

from benchbed.errors import UsageError
from benchbed.plan import Request, complete_request, read_suite
from benchbed.plan.request import as_request


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a suite and returns its path."""

    def to_file(content, name="mine.toml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def test_a_suite_without_a_name_is_named_by_its_file(write):
    """The study folder gets that name."""
    assert read_suite(write("")).name == "mine"
    assert read_suite(write('name = "other"')).name == "other"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("problem = []", "unknown key 'problem'; did you mean 'problems'"),
        ("zzz = 1", "unknown key 'zzz'; a suite has the keys name, preset"),
        ("problems = 3", r"expected `array \| null`, got `int` - at `\$.problems`"),
        ("problems = [3]", "expected `str`, got `int`"),
        ("steps = 1.5", "steps"),
        ("seeds = true", "seeds"),
        ('tracks = ["tunde"]', "unknown track 'tunde'; did you mean 'tuned'?"),
        ('tracks = ["all"]', "unknown track 'all'; choose one of default, tuned, searched"),
        ('dtype = "flaot64"', "unknown dtype 'flaot64'; did you mean 'float64'?"),
        ('dtype = "half"', "unknown dtype 'half'; choose one of float32, float64"),
        ('engine = "compled"', "unknown engine 'compled'; did you mean 'compiled'?"),
        ('engine = "fast"', "unknown engine 'fast'; choose one of auto, eager, compiled"),
        ('checkpoints = "some"', "unknown value of checkpoints 'some'; choose one of protocol, all"),
        ('tolerance = "small"', "tolerance"),
        ("tolerance = true", "tolerance"),
        ("tolerence = 1e-6", "unknown key 'tolerence'; did you mean 'tolerance'"),
        ("name = ", "is not valid TOML"),
        ("[" * 5000, "is not valid TOML"),
        (b"name = '\xff'", "is not UTF-8"),
        ("#" * 1_000_001, "more than 1000000 bytes"),
    ],
)
def test_an_invalid_suite_is_rejected(write, content, message):
    """The error has the file and the mistake."""
    with pytest.raises(UsageError, match=message) as raised:
        read_suite(write(content))
    assert "mine.toml" in str(raised.value)


def test_a_tolerance_may_be_an_integer(write):
    """TOML distinguishes 1 from 1.0."""
    assert read_suite(write("tolerance = 1")).tolerance == 1.0


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_suite_that_cannot_be_read_is_a_usage_error(tmp_path, name):
    """A missing file, or a folder."""
    with pytest.raises(UsageError, match="cannot read the suite"):
        read_suite(tmp_path / name)


def test_a_request_overrides_another_where_it_has_a_value():
    """None is not a value; 0 and an empty tuple are."""
    base = Request(name="base", steps=5, seed=7, problems=("quadratic",))
    over = Request(seed=0, problems=()).over(base)
    assert (over.name, over.steps, over.seed, over.problems) == ("base", 5, 0, ())


def test_a_request_with_problems_and_optimizers_needs_no_suite(catalog):
    """The study is named by the preset, by default standard."""
    options = Request(problems=("quadratic",), optimizers=("adam",))
    assert complete_request(catalog, options, None).name == "standard"
    quick = complete_request(catalog, Request(problems=("a",), optimizers=("b",), preset="quick"), None)
    assert (quick.name, quick.preset) == ("quick", "quick")


def test_missing_values_come_from_the_suite_of_the_preset(catalog):
    """`benchbed run -o mine` runs one optimizer on the problems of standard."""
    request = complete_request(catalog, Request(optimizers=("adam",)), None)
    assert request.optimizers == ("adam",)
    assert "quartic" in request.problems
    assert request.preset == "standard"


@pytest.mark.parametrize(
    ("options", "suite", "fault"),
    [
        ({}, "standart", "unknown suite 'standart'; did you mean 'standard'?"),
        ({}, "standard.toml", "cannot read the suite standard.toml"),
        ({"preset": "big"}, None, "unknown preset 'big'; choose one of quick, standard, full"),
    ],
)
def test_a_mistyped_suite_or_preset_is_named(catalog, options, suite, fault):
    """A name with the suffix .toml is a file, any other a registered suite."""
    with pytest.raises(UsageError, match=re.escape(fault)):
        complete_request(catalog, as_request(options, ""), suite and Path(suite))


def test_a_folder_with_the_name_of_a_suite_does_not_hide_it(catalog, tmp_path, monkeypatch):
    """`benchbed run standard -O standard` runs again; a file of that name and other folders are read, as before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "standard").mkdir()
    assert complete_request(catalog, Request(), Path("standard")).name == "standard"
    (tmp_path / "quick").write_text('name = "mine"\nproblems = ["a"]\noptimizers = ["b"]\n', encoding="utf-8")
    assert complete_request(catalog, Request(), Path("quick")).name == "mine"
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="cannot read the suite other"):
        complete_request(catalog, Request(), Path("other"))
