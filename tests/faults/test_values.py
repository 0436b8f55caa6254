"""Values of parameters arrive in worker processes as they were written or declared."""

from pathlib import Path

import pytest

import benchbed

PLUGINS = Path(__file__).with_name("plugins")
STEPS = 3
SELECTION = [
    "-p",
    "box",
    "-p",
    "box[sides=[3, 1]]",
    "-o",
    "nested",
    "-o",
    'nested[rates=[0.3], names=[[3], "y"]]',
]
SELECTION += ["-o", "nested[limit=2]", "-o", "values:Clipped"]


@pytest.fixture
def trials(tmp_path, run_in_process, monkeypatch):
    """Return the trials of all optimizers on both problems."""
    monkeypatch.syspath_prepend(PLUGINS)
    options = ["--preset", "quick", "--steps", STEPS, "--track", "default", "-O", "out"]
    process = run_in_process(tmp_path, "run", "--plugin", PLUGINS / "values.py", *SELECTION, *options)
    assert process.returncode == 0, process.stderr
    return benchbed.load(tmp_path / "out").trials


def test_tuples_stay_tuples_and_defaults_stay_infinite(trials):
    """A step multiplies theta by 1 − rate·sides: the closed form of each rate and problem is among the trials."""
    expected = sorted(
        sides * (1 - rate * sides) ** (2 * STEPS) for sides in (3.0, 4.0) for rate in (0.15, 0.3, 0.15, 0.1)
    )
    first_seed = trials[trials["seed"] == 0]
    assert sorted(first_seed["final_objective"]) == pytest.approx(expected, rel=1e-9)
