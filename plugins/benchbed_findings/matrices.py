"""Findings about optimizers of matrices: rare facts of an associative memory."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

import benchbed
from benchbed_findings.record import Finding

RULES = {"linear(adam)": (0.1, 0.3, 1.0, 3.0), "linear(muon)": (0.1, 0.2, 0.5, 1.0)}
"""Learning rates of each rule, of which the best is compared. Muon's is the largest, and Adam's is not."""
INSTANCES, STEPS = 10, 300


def rare_facts() -> Iterator[Finding]:
    """Muon learns the rarer half of the facts of `associative-memory` faster than Adam, both with a linear schedule."""
    selectors = [rule.replace(")", f"[learning_rate={list(rates)}])", 1) for rule, rates in RULES.items()]
    with tempfile.TemporaryDirectory() as folder:
        study = benchbed.run(
            problems=["associative-memory"], optimizers=selectors, seeds=INSTANCES, steps=STEPS,
            tracks=["default"], preset="quick", jobs=1, output=Path(folder) / "study",
        )  # fmt: skip
        trials = study.trials
    excess = [dict(metrics)["rare-loss"] for metrics in trials["metrics"]] - trials["optimum"]
    losses = trials.assign(excess=excess).pivot(
        index=["optimizer", "hyperparameters"], columns="seed", values="excess"
    )
    adam, muon = (min(losses.loc[rule].to_numpy(), key=np.mean) for rule in RULES)
    logarithms = np.log10(adam / muon)
    half = stats.t.ppf(0.975, INSTANCES - 1) * stats.sem(logarithms)
    low, mean, high = (
        10**value for value in (logarithms.mean() - half, logarithms.mean(), logarithms.mean() + half)
    )
    yield Finding(
        f"associative memory, {STEPS} steps with a linear schedule: rare facts' excess loss, Adam over Muon: geometric "
        "mean and its 95 % interval",
        "above 10",
        f"{mean:.3g} [{low:.3g}, {high:.3g}]",
        bool(low > 10),
    )
