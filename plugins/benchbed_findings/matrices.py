"""Findings about optimizers of matrices: rare facts of an associative memory."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats

import benchbed
from benchbed_findings.record import Finding, Panel, Series

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
    rates = [json.loads(values)["learning_rate"] for values in trials["hyperparameters"]]
    losses = trials.assign(excess=excess, rate=rates).pivot(
        index=["optimizer", "rate"], columns="seed", values="excess"
    )
    adam, muon = (min(losses.loc[rule].to_numpy(), key=np.mean) for rule in RULES)
    low, mean, high = _geometric_mean(adam / muon)
    series = []
    for rule in RULES:
        of_rule = losses.loc[rule].sort_index()
        lows, means, highs = zip(*(_geometric_mean(row) for row in of_rule.to_numpy()), strict=True)
        series.append(Series(rule, of_rule.index.tolist(), means, (lows, highs)))
    yield Finding(
        f"associative memory, {STEPS} steps with a linear schedule: rare facts' excess loss, Adam over Muon: geometric "
        "mean and its 95 % interval",
        "above 10",
        f"{mean:.3g} [{low:.3g}, {high:.3g}]",
        bool(low > 10),
        "Wang et al. (2025)",
        Panel(
            f"Associative memory after {STEPS} steps: geometric mean of {INSTANCES} instances",
            "learning rate",
            "rare facts' excess loss",
            series,
            log_x=True,
        ),
    )


def _geometric_mean(values: np.ndarray) -> tuple[float, float, float]:
    """Return the lower end of the 95 % interval, the geometric mean, and the upper end."""
    logarithms = np.log10(values)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(logarithms)
    low, mean, high = (10 ** (logarithms.mean() + shift) for shift in (-half, 0, half))
    return low, mean, high
