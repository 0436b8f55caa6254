"""Measure what the rule of selection is worth: evaluation scores of the learning rates that it and others choose.

`python benchmarks/selection.py [--studies 10] [--preset standard] [-j N] [--format json]`. Every rate of the tuned
track's grid runs on the tuning seeds and on the evaluation seeds, so that each rule's choice can be scored on seeds
that it has not seen. The rules choose among the same trials. The intervals, of 95 %, are Student's over studies with
other seeds: they hold for these pairings. A small version of this is among the tests.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from scipy import stats
from selection_rules import RULES, Trial, Tried, score_of

from benchbed.catalog import load_catalog
from benchbed.executors import processes
from benchbed.plan import BatchPlan, Pairing, Plan, Request, complete_request, make_plan
from benchbed.runner.task import Task, run_task
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.seeds import Role
from benchbed.store import from_bytes
from benchbed.tuning.outcomes import outcomes_of


class Choice(NamedTuple):
    """What the rules chose for one pairing of one study, and how it fared on the evaluation seeds."""

    problem: str
    optimizer: str
    seed: int
    rates: dict[str, float]
    scores: dict[str, float]


class Row(NamedTuple):
    """How the choices of a rule fared, on average over optimizers (and problems) and then over studies."""

    problem: str
    rule: str
    choices: int
    score: float
    gain: float
    """Mean evaluation score that selection by score has beyond this rule's."""
    low: float | None
    high: float | None
    differ: int
    """Choices of another rate than by score, of which so many did worse and better than it."""
    worse: int
    better: int


OURS = "score"
HINDSIGHT = "hindsight"
"""The rate that the evaluation seeds themselves like best, which no rule can know."""
ALL = "all"


def judge(plan: Plan, pairing: Pairing, tuning: Tried, evaluation: Tried) -> Choice:
    """Have every rule choose by the tuning trials, and score its choice by the evaluation trials."""
    middle = math.sqrt(plan.rates[0] * plan.rates[-1])
    scores = {rate: score_of(trials) for rate, trials in evaluation.items()}
    rates = {name: rule(tuning, middle) for name, rule in RULES.items()}
    rates[HINDSIGHT] = max(scores, key=lambda rate: scores[rate])
    return Choice(
        problem=pairing.problem.label,
        optimizer=pairing.entrants[0].label,
        seed=plan.study_seed,
        rates=rates,
        scores={name: scores[rate] for name, rate in rates.items()},
    )


def choices_of(plans: Sequence[Plan], workers: Workers) -> Iterator[Choice]:
    """Run the whole grid of every pairing in both roles, and yield what the rules choose."""
    waiting = []
    for plan in plans:
        bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
        for pairing in plan.pairings():
            batches = [batch_of(plan, pairing, role) for role in ("tuning", "evaluation")]
            futures = [workers.submit(run_task, Task(bare, batch, (), jobs=1)) for batch in batches]
            waiting.append((plan, pairing, futures))
    for plan, pairing, futures in waiting:
        yield judge(plan, pairing, *(trials_of(workers.result(future)) for future in futures))


def batch_of(plan: Plan, pairing: Pairing, role: Role) -> BatchPlan:
    """Describe the trials of the whole grid in a role."""
    entrant = pairing.entrants[0]
    settings = [entrant.at(rate) for rate in plan.rates]
    return plan.batch(pairing, settings, role, plan.seeds_of(pairing.problem, entrant, role))


def trials_of(result: bytes | WorkerFailure) -> Tried:
    """Sort the trials of a batch by their learning rate; raises RuntimeError if there are not all of them."""
    if isinstance(result, WorkerFailure):
        raise RuntimeError(f"a batch was lost: {result.log}")
    table = from_bytes(result)
    outcomes = outcomes_of(table)
    tried: dict[float, list[Trial]] = {}
    for row in table.to_pylist():
        if row["calls_to_target"] is None:
            raise RuntimeError(f"{row['problem']} × {row['optimizer']} {row['status']}: {row['error']}")
        calls = tuple(math.inf if value is None else value for value in row["calls_to_target"])
        rate = json.loads(row["hyperparameters"])["learning_rate"]
        tried.setdefault(rate, []).append(Trial(outcomes[row["trial_key"]], calls))
    return tried


def row_of(problem: str, rule: str, choices: Sequence[Choice]) -> Row:
    """Summarize the choices of a rule on a problem, or on all: gains are averaged in each study, then over studies."""
    kept = [choice for choice in choices if problem in (ALL, choice.problem)]
    gains = [choice.scores[OURS] - choice.scores[rule] for choice in kept]
    of_seed: dict[int, list[float]] = {}
    for choice, gain in zip(kept, gains, strict=True):
        of_seed.setdefault(choice.seed, []).append(gain)
    means = np.array([np.mean(each) for each in of_seed.values()])
    return Row(
        problem,
        rule,
        len(kept),
        float(np.mean([choice.scores[rule] for choice in kept])),
        float(means.mean()),
        *t_interval(means),
        differ=sum(choice.rates[rule] != choice.rates[OURS] for choice in kept),
        worse=sum(gain > 0 for gain in gains),
        better=sum(gain < 0 for gain in gains),
    )


def t_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Give the 95 % interval of a mean; None from fewer than two values."""
    if len(values) < 2:
        return None, None
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def plans_of(preset: str, studies: int) -> list[Plan]:
    """Plan the same pairings with the seeds of 0 … studies − 1."""
    catalog = load_catalog([], dict(os.environ))
    request = complete_request(catalog, Request(preset=preset, tracks=("tuned",), device="cpu"), None)
    return [make_plan(catalog, msgspec.structs.replace(request, seed=seed)) for seed in range(studies)]


def show(rows: Sequence[Row]) -> None:
    """Print the rows as text."""
    print(f"{'problem':<34}{'chosen by':<11}{'score':>6}  {'score gains':<26}{'other rate':<14}worse, better")
    for row in rows:
        gain = ""
        if row.rule != OURS:
            limits = "" if row.low is None else f" [{row.low:+.4f}, {row.high:+.4f}]"
            gain = f"{f'{row.gain:+.4f}{limits}':<26}{f'{row.differ} of {row.choices}':<14}{row.worse}, {row.better}"
        print(f"{row.problem:<34}{row.rule:<11}{row.score:6.4f}  {gain}".rstrip())


def main() -> None:
    """Run everything, and print how the choices of each rule fared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10, help="each with seeds of its own")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    with Workers(processes(arguments.jobs)) as workers:
        choices = list(choices_of(plans_of(arguments.preset, arguments.studies), workers))
    problems = (*dict.fromkeys(choice.problem for choice in choices), ALL)
    rows = [row_of(problem, rule, choices) for problem in problems for rule in (*RULES, HINDSIGHT)]
    seconds = time.perf_counter() - begun
    if arguments.format == "json":
        facts = {"rows": [row._asdict() for row in rows], "choices": [choice._asdict() for choice in choices]}
        print(json.dumps({**facts, "studies": arguments.studies, "seconds": seconds}, indent=2))
        return
    show(rows)
    print(f"{arguments.studies} studies of preset {arguments.preset}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
