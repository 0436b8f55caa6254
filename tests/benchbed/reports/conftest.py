"""Build small synthetic studies whose every number is known."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.results import ProblemFacts, Results, Surface

TARGETS = tuple(10.0**-k for k in range(1, 9))
NAMES = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
RATES = 10.0 ** np.arange(-4, 2.25, 0.5)
BUDGET = 1000
CALLS = np.unique(np.concatenate([np.arange(11), np.round(10 ** np.arange(1, 3.01, 0.05))])).astype(int)
STATUSES = (
    "solved", "converged", "exhausted", "diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped"
)  # fmt: skip


def _trial(number: int, optimizer: int, seed: int, lost: bool, noise: np.random.Generator) -> pd.DataFrame:
    """One trial's checkpoints: a power law down, or up and away; a spiral in the plane to match."""
    speed = 0.4 + 0.35 * ((optimizer * 3 + number) % 5)
    gap = np.exp(-speed * np.log1p(CALLS) + 0.15 * noise.normal(size=len(CALLS)).cumsum() * (CALLS > 0))
    if lost:
        gap = np.exp(0.05 * (1 + optimizer % 3) * CALLS)
    angle = 0.15 * (optimizer + 1) * np.log1p(CALLS)
    size = np.sqrt(gap) * (2 + 0.05 * seed)
    theta = np.stack([size * np.cos(angle + 0.6), 0.5 * size * np.sin(angle + 0.6)])
    frame = pd.DataFrame(
        {
            "calls": CALLS,
            "objective": gap,
            "gap": gap,
            "gradient_norm": np.sqrt(gap),
            "theta_0": theta[0],
            "theta_1": theta[1],
        }
    )
    stop = (frame["gap"] > 1e12) | (frame["gap"] <= TARGETS[-1])
    return frame.iloc[: stop.to_numpy().argmax() + 1] if stop.any() else frame


def _outcome(frame: pd.DataFrame, lost: bool) -> dict[str, object]:
    gap = float(frame["gap"].iloc[-1])
    reached = [
        float(frame["calls"][frame["gap"] <= t].min()) if (frame["gap"] <= t).any() else math.inf
        for t in TARGETS
    ]
    costs = [max(0.0, 1 - math.log(max(t, 1)) / math.log(BUDGET)) for t in reached]
    return {
        "status": "diverged" if lost else ("solved" if gap <= TARGETS[-1] else "exhausted"),
        "calls": float(frame["calls"].iloc[-1]),
        "final_objective": float(frame["objective"].iloc[-1]),
        "gap": math.inf if lost else gap,
        "score": 0.0 if lost else float(np.mean(costs)),
        "calls_to_target": reached,
    }


def _summary_row(rows: pd.DataFrame, facts: ProblemFacts, notes: str) -> dict[str, object]:
    first = rows.iloc[0]
    costs = np.sort([calls[2] if calls else math.inf for calls in rows["calls_to_target"]])
    counts = {status: int((rows["status"] == status).sum()) for status in STATUSES}
    known = facts.has_optimum
    nan = math.nan
    return {
        "problem": first["problem"], "optimizer": first["optimizer"], "track": first["track"],
        "hyperparameters": first["hyperparameters"], "settings_tried": 1 if first["track"] == "default" else 13,
        "trials": len(rows), "score": rows["score"].mean() if known else nan, "score_low": nan, "score_high": nan,
        "target": facts.success_target if known else nan,
        "success_rate": float(np.isfinite(costs).mean()) if known else nan, "success_low": nan, "success_high": nan,
        "median_calls": costs[(len(costs) + 1) // 2 - 1] if known else nan, "calls_low": nan, "calls_high": nan,
        "gap": float(np.sort(rows["gap"])[(len(rows) + 1) // 2 - 1]) if known else nan, **counts, "notes": notes,
    }  # fmt: skip


def build(
    optimizers: Sequence[str] = NAMES,
    problems: Sequence[str] = ("quadratic", "quartic[noise=0.1]"),
    tracks: Sequence[str] = ("default", "tuned"),
    seeds: int = 5,
    lost: Callable[[int, int, int], bool] = lambda problem, optimizer, seed: optimizer == 1 and seed % 2 == 0,
    without_optimum: Sequence[str] = (),
    notes: Callable[[str, str], str] = lambda optimizer, track: "",
) -> Results:
    """A study of `optimizers` on two-dimensional `problems`; `lost(problem, optimizer, seed)` says who diverges."""
    noise = np.random.default_rng(7)
    facts = {
        name: ProblemFacts(BUDGET, TARGETS, 1e-3, 2, "float64", name not in without_optimum)
        for name in problems
    }
    outcomes, curves, tuning, summary = [], [], [], []
    for p, problem in enumerate(problems):
        for track_number, track in enumerate(tracks):
            for o, optimizer in enumerate(optimizers):
                setting = {"learning_rate": float(RATES[(o + 3 * track_number) % len(RATES)])}
                rows = []
                for seed in range(seeds):
                    key = f"{problem}/{track}/{optimizer}/{seed}"
                    gone = lost(p, o, seed)
                    frame = _trial(p + track_number, o, seed, gone, noise)
                    if not facts[problem].has_optimum:
                        frame = frame.assign(gap=math.nan, objective=frame["objective"] - 0.2)
                        rows.append(
                            _outcome(frame.assign(gap=1.0), gone) | {"gap": math.nan, "score": math.nan}
                        )
                    else:
                        rows.append(_outcome(frame, gone))
                    rows[-1] |= {
                        "problem": problem, "optimizer": optimizer, "track": track, "trial_key": key, "seed": seed,
                        "hyperparameters": json.dumps(setting), "oracle": "stochastic", **setting,
                    }  # fmt: skip
                    curves.append(frame.assign(trial_key=key))
                outcomes += rows
                summary.append(_summary_row(pd.DataFrame(rows), facts[problem], notes(optimizer, track)))
        for o, optimizer in enumerate(optimizers):
            for rate in RATES:
                for seed in range(3):
                    bad = rate > 10 ** (0.2 * o - 0.5)
                    gap = (
                        math.inf
                        if bad
                        else float(10 ** (-abs(math.log10(rate) + 1.5 - 0.3 * o) * -1.2 - 5 + 0.2 * seed))
                    )
                    tuning.append({
                        "problem": problem, "optimizer": optimizer, "learning_rate": float(rate), "seed": seed,
                        "trial_key": f"t/{problem}/{optimizer}/{rate}/{seed}", "status": "diverged" if bad else "exhausted",
                        "final_objective": gap, "gap": gap, "score": 0.0,
                    })  # fmt: skip
    return Results(
        problems=facts,
        surfaces={problem: surface() for problem in problems},
        optimizers=tuple(optimizers),
        tracks=tuple(tracks),
        outcomes=pd.DataFrame(outcomes),
        tuning=pd.DataFrame(tuning),
        curves=pd.concat(curves, ignore_index=True),
        summary=pd.DataFrame(summary),
    )


def surface() -> Surface:
    """The bowl x² + 4y² around its minimizer."""
    x, y = np.linspace(-2.5, 2.5, 100), np.linspace(-1.6, 1.6, 80)
    return Surface(x, y, x[None, :] ** 2 + 4 * y[:, None] ** 2, 0.0, (0.0, 0.0))


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Results]:
    """The builder, for tests that want a study of their own."""
    return build


@pytest.fixture(scope="session")
def results() -> Results:
    """Two problems, two tracks, seven optimizers, five seeds; three of the five trials of `sgd` diverge."""
    return build()
