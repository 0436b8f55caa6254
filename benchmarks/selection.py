"""Value of the selection rule: evaluation scores of the learning rates that it and other rules select.

`python benchmarks/selection.py [--studies 10] [--preset standard] [-j N] [--format json]`. Every rate of the
grid of the track `tuned` runs on tuning and evaluation seeds, so that the selection of each rule is scored on separate
seeds. All rules use the same trials. The 95 % intervals are Student's over studies with different seeds, and hold for
these pairings. The tests contain a small version.
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
from selection_rules import RULES, Trial, TuningTrials, score_of

from benchbed.catalog.loading import load_catalog
from benchbed.executors import processes
from benchbed.plan import BatchPlan, Pairing, Plan, Request, complete_request, make_plan
from benchbed.runner.task import Task, run_task
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.seeds import Role
from benchbed.store import from_bytes
from benchbed.tuning.outcomes import outcomes_of


class Choice(NamedTuple):
    """Learning rates that the rules select for a pairing of a study, with their evaluation scores."""

    problem: str
    optimizer: str
    seed: int
    rates: dict[str, float]
    scores: dict[str, float]


class RuleSummary(NamedTuple):
    """Result of a rule, averaged over optimizers (and problems) and then over studies."""

    problem: str
    rule: str
    choices: int
    score: float
    gain: float
    """Mean evaluation score of selection by score minus that of this rule."""
    low: float | None
    high: float | None
    differ: int
    """Selections of another rate than by score; `worse` and `better` count those with a lower or higher score."""
    worse: int
    better: int


BY_SCORE = "score"
HINDSIGHT = "hindsight"
"""The best rate on the evaluation seeds, which rules do not have."""
ALL = "all"


def judge(plan: Plan, pairing: Pairing, tuning: TuningTrials, evaluation: TuningTrials) -> Choice:
    """Apply every rule to the tuning trials, and score its selection by the evaluation trials."""
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
    """Run the whole grid of every pairing in both roles, and yield the selections of the rules."""
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
    """Build the batch of the whole grid in a role."""
    entrant = pairing.entrants[0]
    settings = [entrant.at(rate) for rate in plan.rates]
    return plan.batch(pairing, settings, role, plan.seeds_of(pairing.problem, entrant, role))


def trials_of(result: bytes | WorkerFailure) -> TuningTrials:
    """Group the trials of a batch by learning rate; raises RuntimeError if some are missing."""
    if isinstance(result, WorkerFailure):
        raise RuntimeError(f"a batch was lost: {result.log}")
    table = from_bytes(result)
    outcomes = outcomes_of(table)
    trials: dict[float, list[Trial]] = {}
    for row in table.to_pylist():
        if row["calls_to_target"] is None:
            raise RuntimeError(f"{row['problem']} × {row['optimizer']} {row['status']}: {row['error']}")
        calls = tuple(math.inf if value is None else value for value in row["calls_to_target"])
        rate = json.loads(row["hyperparameters"])["learning_rate"]
        trials.setdefault(rate, []).append(Trial(outcomes[row["trial_key"]], calls))
    return trials


def row_of(problem: str, rule: str, choices: Sequence[Choice]) -> RuleSummary:
    """Summarize the selections of a rule on a problem, or on all; average gains in each study, then over studies."""
    selected = [choice for choice in choices if problem in (ALL, choice.problem)]
    gains = [choice.scores[BY_SCORE] - choice.scores[rule] for choice in selected]
    of_seed: dict[int, list[float]] = {}
    for choice, gain in zip(selected, gains, strict=True):
        of_seed.setdefault(choice.seed, []).append(gain)
    means = np.array([np.mean(each) for each in of_seed.values()])
    return RuleSummary(
        problem,
        rule,
        len(selected),
        float(np.mean([choice.scores[rule] for choice in selected])),
        float(means.mean()),
        *t_interval(means),
        differ=sum(choice.rates[rule] != choice.rates[BY_SCORE] for choice in selected),
        worse=sum(gain > 0 for gain in gains),
        better=sum(gain < 0 for gain in gains),
    )


def t_interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Compute the 95 % interval of a mean; None for fewer than two values."""
    if len(values) < 2:
        return None, None
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def plans_of(preset: str, studies: int) -> list[Plan]:
    """Plan the same pairings with the study seeds 0 … studies − 1."""
    catalog = load_catalog([], dict(os.environ))
    request = complete_request(catalog, Request(preset=preset, tracks=("tuned",), device="cpu"), None)
    return [make_plan(catalog, msgspec.structs.replace(request, seed=seed)) for seed in range(studies)]


def show(rows: Sequence[RuleSummary]) -> None:
    """Print the rows as text."""
    print(f"{'problem':<34}{'rule':<11}{'score':>6}  {'score gains':<26}{'other rate':<14}worse, better")
    for row in rows:
        gain = ""
        if row.rule != BY_SCORE:
            limits = "" if row.low is None else f" [{row.low:+.4f}, {row.high:+.4f}]"
            gain = f"{f'{row.gain:+.4f}{limits}':<26}{f'{row.differ} of {row.choices}':<14}{row.worse}, {row.better}"
        print(f"{row.problem:<34}{row.rule:<11}{row.score:6.4f}  {gain}".rstrip())


def main() -> None:
    """Run everything and print the result of each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=10, help="studies with different seeds")
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
