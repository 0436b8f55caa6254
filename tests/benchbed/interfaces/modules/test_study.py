"""A study of a network from a plugin file: scores by a metric, curves of metrics, the same numbers again."""

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = '''
from dataclasses import dataclass

import torch
from torch import nn

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import ModuleProblem


@dataclass(frozen=True)
class Blobs(ModuleProblem):
    """Two Gaussian blobs."""

    target_metric = "validation-accuracy"
    targets = (0.6, 0.8, 0.9)
    batch_size: int = 20

    def make_network(self):
        norm, drop = nn.BatchNorm1d(4), nn.Dropout(0.2)
        return nn.Sequential(nn.Linear(2, 4, bias=False), norm, drop, nn.Linear(4, 2))

    def make_data(self):
        y = torch.arange(200) % 2
        x = torch.randn(200, 2) + 3 * y[:, None]
        return (x[:140], y[:140]), (x[140:], y[140:])

    def loss_of(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets)

    def measure_accuracy(self, outputs, targets):
        return (outputs.argmax(-1) == targets).float().mean()


@dataclass(frozen=True)
class Unscored(Blobs):
    """The same without targets."""

    target_metric = ""
    targets = (1e-1,)


@hookimpl
def register_problems(register):
    register(Blobs)
    register(Unscored)
'''


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of both problems with a good and a bad optimizer, and its output as JSON."""
    folder = tmp_path_factory.mktemp("modules")
    plugin = folder / "blobs.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        return benchbed.run(
            problems=["blobs", "unscored"], optimizers=["adam[learning_rate=0.05]", "sgd[learning_rate=1e-6]"],
            tracks=["default"], preset="quick", steps=60, seeds=4, plugin_files=[plugin], output=folder / "study",
        )  # fmt: skip


def test_scores_follow_from_the_metric(study):
    """A rate of 10⁻⁶ does not leave the start; adam solves the problem, and its curve reaches the targets."""
    rows = study.summary[study.summary["problem"] == "blobs"].set_index("optimizer")
    assert rows["score"].iloc[0] > 0.3
    assert rows["score"].iloc[0] > rows["score"].iloc[1]
    assert rows["gap"].isna().all()
    assert rows["success_rate"].iloc[0] == 1
    trials = study.trials[study.trials["problem"] == "blobs"].set_index("trial_key")
    assert set(trials["status"]) <= {"solved", "exhausted"}
    for key, curve in study.curves.groupby("trial_key", observed=True):
        if key in trials.index:
            reached = np.asarray(trials.loc[key, "calls_to_target"], dtype=float)
            first = [curve["calls"][curve["validation-accuracy"] >= target] for target in (0.6, 0.8, 0.9)]
            for calls, candidates in zip(reached, first, strict=True):
                assert np.isnan(calls) or max(calls, 1) in [max(each, 1) for each in candidates]


def test_objectives_are_compared_without_a_score(study):
    """And gaps are empty in the summary and in the rows."""
    rows = study.summary[study.summary["problem"] == "unscored"]
    assert rows[["score", "gap"]].isna().all(axis=None)
    assert rows["objective"].iloc[0] < rows["objective"].iloc[1]
    assert (rows["objective_low"] <= rows["objective"]).all()
    pairs = study.results.comparisons[study.results.comparisons["problem"] == "unscored"]
    assert pairs["measure"].tolist() == ["objective"]
    means = (
        study.results.outcomes[study.results.outcomes["problem"] == "unscored"]
        .groupby("optimizer")["objective"]
        .mean()
    )
    difference = means[pairs["first"].iloc[0]] - means[pairs["second"].iloc[0]]
    assert pairs["difference"].iloc[0] == pytest.approx(difference, rel=1e-9)
    assert 0 < pairs["p_value"].iloc[0] < 1


def test_metrics_have_medians(study):
    """Of both metrics, in each row."""
    metrics = study.results.metrics
    assert set(metrics["metric"]) == {"validation-loss", "validation-accuracy"}
    assert len(metrics) == 8
    assert (metrics["trials"] == 4).all()
