"""Small synthetic studies with known numbers."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.final_metrics import final_metrics
from benchbed.analysis.pairwise_tables import ComparedProblem, ComparedStudy, comparisons_of, influence_of
from benchbed.analysis.secondary_metrics import Robustness, measures_of
from benchbed.analysis.stored import StoredTrials
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import ProblemFacts, Results, RowNote, Surface, TrialStatus
from benchbed.store import table_of

TARGETS = tuple(10.0**-k for k in range(1, 9))
NAMES = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
RATES = 10.0 ** np.arange(-4, 2.25, 0.5)
BUDGET = 1000
CALLS = np.unique(np.concatenate([np.arange(11), np.round(10 ** np.arange(1, 3.01, 0.05))])).astype(int)
STATUSES = [status.value for status in TrialStatus]
COLUMNS = ["problem", "optimizer", "track", "hyperparameters", "settings_tried", "trials"]
COLUMNS += ["score", "score_low", "score_high", "target", "success_rate", "success_low", "success_high"]
COLUMNS += ["median_calls", "calls_low", "calls_high", "gap", "objective", "objective_low", "objective_high"]
COLUMNS += [*STATUSES, "notes"]


def _trial(number: int, optimizer: int, seed: int, lost: bool, noise: np.random.Generator) -> pd.DataFrame:
    """Return the checkpoints of one trial: the gap follows a power law, or grows if lost; the path is a spiral."""
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
        "objective": math.inf if lost else float(frame["objective"].iloc[-1]),
        "gap": math.inf if lost else gap,
        "score": 0.0 if lost else float(np.mean(costs)),
        "calls_to_target": reached,
    }


def _summary_row(rows: pd.DataFrame, facts: ProblemFacts, notes: tuple[RowNote, ...]) -> dict[str, object]:
    """Return the row of the summary for the trials of one optimizer on one problem in one track."""
    first = rows.iloc[0]
    costs = np.sort([calls[2] for calls in rows["calls_to_target"]])
    middle = (len(rows) + 1) // 2 - 1
    unknown = dict.fromkeys(
        ("score_low", "score_high", "success_low", "success_high", "calls_low", "calls_high"), math.nan
    )
    scored = {
        "score": rows["score"].mean(),
        "target": facts.success_target,
        "success_rate": float(np.isfinite(costs).mean()),
        "median_calls": costs[middle],
        "gap": float(np.sort(rows["gap"])[middle]),
    }
    cells = {
        **first[["problem", "optimizer", "track", "hyperparameters"]],
        **unknown,
        **(scored if facts.has_optimum else dict.fromkeys(scored, math.nan)),
        **{status: int((rows["status"] == status).sum()) for status in STATUSES},
        "objective": float(np.sort(rows["objective"])[middle]),
        "objective_low": math.nan,
        "objective_high": math.nan,
        "settings_tried": 1 if first["track"] == "default" else len(RATES),
        "trials": len(rows),
        "notes": notes,
    }
    return {column: cells[column] for column in COLUMNS}


def _tuning(problems: Sequence[str], optimizers: Sequence[str]) -> pd.DataFrame:
    """Return three seeds for each rate; the best rate and the first diverging rate grow from optimizer to optimizer."""
    rows = []
    for problem, (o, optimizer), rate, seed in product(problems, enumerate(optimizers), RATES, range(3)):
        bad = rate > 10 ** (0.2 * o - 0.5)
        gap = math.inf if bad else float(10 ** (abs(math.log10(rate) + 1.5 - 0.3 * o) * 1.2 - 5 + 0.2 * seed))
        setting = json.dumps({"learning_rate": rate})
        row = (problem, optimizer, setting, float(rate), seed, f"t/{problem}/{optimizer}/{rate}/{seed}")
        end = ("diverged", 100.0) if bad else ("exhausted", 1000.0)
        rows.append((*row, *end, gap, gap, gap, 0.0, [math.inf] * len(TARGETS), ""))
    names = "problem optimizer hyperparameters learning_rate seed trial_key status calls final_objective objective gap "
    names += "score calls_to_target error"
    return pd.DataFrame(rows, columns=names.split())


def _measures(summary: pd.DataFrame, outcomes: pd.DataFrame, facts: dict[str, ProblemFacts]) -> pd.DataFrame:
    """Return secondary metrics: 1 ms, 100 steps, 200 calls and 16 bytes of state a trial; robustness falls."""
    trial = {"wall_seconds": 1e-3, "steps": 100, "calls": 200.0, "state_bytes": 16.0, "metrics": None}
    optimizers = dict.fromkeys(outcomes["optimizer"])
    robustness = {
        (problem, optimizer): Robustness(
            max(0.0, 3 - number / 2) if problem_facts.has_optimum else math.nan, min(1.0, number / 8)
        )
        for problem, problem_facts in facts.items()
        for number, optimizer in enumerate(optimizers)
    }
    keys = dict.fromkeys(outcomes["trial_key"])
    stored = StoredTrials(table_of([trial | {"trial_key": key} for key in keys]))
    return measures_of(summary, outcomes, facts, stored, robustness)


def build(
    optimizers: Sequence[str] = NAMES,
    problems: Sequence[str] = ("quadratic", "quartic[noise=0.1]"),
    tracks: Sequence[str] = ("default", "tuned"),
    seeds: int = 5,
    lost: Callable[[int, int, int], bool] = lambda problem, optimizer, seed: optimizer == 1 and seed % 2 == 0,
    without_optimum: Sequence[str] = (),
    notes: Callable[[str, str], tuple[RowNote, ...]] = lambda optimizer, track: (),
    groups: Mapping[str, str] = MappingProxyType({}),
) -> Results:
    """Build a study of two-dimensional `problems`; `lost(problem, optimizer, seed)` decides which trials diverge."""
    noise = np.random.default_rng(7)
    facts = {
        name: ProblemFacts(
            BUDGET, TARGETS, 1e-3, 2, "float64", name not in without_optimum, group=groups.get(name, "other")
        )
        for name in problems
    }
    outcomes, curves, summary = [], [], []
    for (p, problem), (t, track), (o, optimizer) in product(*map(enumerate, (problems, tracks, optimizers))):
        rate = float(RATES[(o + 3 * t) % len(RATES)])
        has_optimum = facts[problem].has_optimum
        shared = {"problem": problem, "optimizer": optimizer, "track": track, "learning_rate": rate}
        shared |= {
            "hyperparameters": json.dumps({"learning_rate": rate}),
            "oracle": "stochastic",
            "error": "",
        }
        rows = []
        for seed in range(seeds):
            key = f"{problem}/{track}/{optimizer}/{seed}"
            frame = _trial(p + t, o, seed, lost(p, o, seed), noise)
            unknown = {} if has_optimum else {"gap": math.nan, "score": math.nan}
            rows.append(
                shared | _outcome(frame, lost(p, o, seed)) | unknown | {"seed": seed, "trial_key": key}
            )
            frame = frame if has_optimum else frame.assign(gap=math.nan, objective=frame["objective"] - 0.2)
            curves.append(frame.assign(trial_key=key))
        outcomes += rows
        summary.append(_summary_row(pd.DataFrame(rows), facts[problem], notes(optimizer, track)))
    frame = pd.DataFrame(summary, columns=COLUMNS)
    compared = ComparedStudy(
        frame,
        pd.DataFrame(outcomes),
        {
            name: ComparedProblem(CALLS[1:], Sampling(name), of_problem.group)
            for name, of_problem in facts.items()
        },
    )
    pairs, tiers = comparisons_of(compared)
    return Results(
        problems=facts,
        surfaces={problem: surface() for problem in problems},
        optimizers=tuple(optimizers),
        tracks=tuple(tracks),
        outcomes=pd.DataFrame(outcomes),
        tuning=_tuning(problems, optimizers),
        best_of_k=_best_of_k(problems, optimizers),
        curves=pd.concat(curves, ignore_index=True),
        summary=frame,
        measures=_measures(frame, pd.DataFrame(outcomes), facts),
        metrics=final_metrics(
            pd.DataFrame(outcomes),
            StoredTrials(table_of([{"trial_key": row["trial_key"]} for row in outcomes])),
        ),
        overall=overall_scores(
            frame,
            pd.DataFrame(outcomes),
            groups={name: of_problem.group for name, of_problem in facts.items()},
        ),
        influence=influence_of(compared),
        comparisons=pairs,
        groups=tiers,
        shifts={},
    )


def _best_of_k(problems, optimizers):
    rows = [
        (problem, optimizer, k, 0.5 * (1 - 0.8**k) * (1 + number / 10))
        for problem in problems
        for number, optimizer in enumerate(optimizers)
        for k in range(1, 9)
    ]
    return pd.DataFrame(rows, columns=["problem", "optimizer", "k", "score"])


def surface() -> Surface:
    """Return the objective x² + 4y² around its minimizer."""
    x, y = np.linspace(-2.5, 2.5, 100), np.linspace(-1.6, 1.6, 80)
    return Surface(x, y, x[None, :] ** 2 + 4 * y[:, None] ** 2, 0.0, (0.0, 0.0))


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Results]:
    """Return the function that builds a study."""
    return build


@pytest.fixture
def saved(monkeypatch):
    """List the figures in the order in which they are saved, laid out at the resolution of the PNG."""
    figures = []

    def remember(figure):
        figure.set_dpi(150)
        FigureCanvasAgg(figure).draw()
        figures.append(figure)
        return {"png": b"", "svg": b""}

    monkeypatch.setattr("benchbed.plotting.figure.render_images", remember)
    return figures


@pytest.fixture(scope="session")
def results() -> Results:
    """Return two problems, two tracks, seven optimizers and five seeds; three of five trials of `sgd` diverge."""
    return build()
