"""The benchmark of selection rules: gains and evaluation scores."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import benchbed
from benchbed.executors import serial
from benchbed.runner.workers import Workers

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parents[2] / "benchmarks" / "selection.py"


@pytest.fixture(scope="module")
def selection():
    """The script as a module."""
    specification = importlib.util.spec_from_file_location("selection", SOURCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_gains_are_averaged_within_studies(selection):
    """The interval is that of SciPy's t test on the mean gains of the studies."""
    gains = {0: (0.1, 0.3), 1: (0.0, 0.1), 2: (0.2, -0.1)}
    rates = {"score": 1.0, "gap": 2.0}
    choices = [
        selection.Choice("p", str(index), seed, rates, {"score": 0.5, "gap": 0.5 - gain})
        for seed, each in gains.items()
        for index, gain in enumerate(each)
    ]
    row = selection.row_of("p", "gap", choices)
    interval = stats.ttest_1samp([np.mean(each) for each in gains.values()], 0).confidence_interval(0.95)
    assert (row.low, row.high) == pytest.approx((interval.low, interval.high), abs=1e-15)
    assert (row.gain, row.score) == pytest.approx((0.1, 0.4), abs=1e-15)
    assert (row.choices, row.differ, row.worse, row.better) == (6, 6, 4, 1)
    assert selection.row_of("p", "gap", choices[:2])[5:7] == (None, None)


def test_a_selection_is_scored_as_in_a_study(selection, tmp_path):
    """Selection by score has the rate and the score of the track `tuned`, and hindsight the highest score."""
    arguments = {"problems": ["quadratic"], "optimizers": ["adam"], "preset": "quick", "device": "cpu"}
    study = benchbed.run(**arguments, tracks=["tuned"], steps=60, output=tmp_path, executor="serial")
    (row,) = study.summary.itertuples()
    (choice,) = selection.choices_of([study.plan], Workers(serial(1)))
    assert f'"learning_rate": {choice.rates["score"]}' in row.hyperparameters
    assert choice.scores["score"] == pytest.approx(row.score, abs=1e-15)
    assert choice.scores["hindsight"] == max(choice.scores.values())
