"""`benchbed plan`: count the trials of a study and estimate its time before it runs."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from benchbed.cli.options import choice_of_format, jobs_option, timeout_option
from benchbed.cli.output import print_line, print_warnings
from benchbed.cli.plan_options import plan_options, resolve_options
from benchbed.formatting import format_bytes, plural

if TYPE_CHECKING:
    from benchbed.estimate.cost import Cost, Estimate
    from benchbed.plan import Plan
    from benchbed.study.resources import Allocation

_COLUMNS = f" {'trials':>7} {'calls':>8} {'seconds':>9}"


@click.command("plan", short_help="Estimate the cost of a study before it runs.")
@plan_options
@jobs_option
@timeout_option
@click.option(
    "--no-time", is_flag=True, help="Count trials and calls only; do not run any step to estimate the time."
)
@choice_of_format(("table", "json"), "Format of the costs on stdout.")
def plan_command(
    jobs: int | None, timeout: float | None, no_time: bool, format_: str, **options: Any
) -> None:
    """Count the trials and calls of a study and estimate its time, for each track, and its memory.

    The argument and the options are those of `benchbed run`. Nothing is written, and stored trials are not subtracted.
    The time is that of one core. It is estimated from a few steps of each optimizer on each problem, as if all trials
    spent their budgets. Trials stop early when they reach all targets, meet the tolerance or diverge, so that the study
    may take less time. The memory is that of the process of the largest batch, libraries included.

    \b
    Examples:
      benchbed plan
      benchbed plan --preset full --track searched
      benchbed plan -p 'polynomial-network' -o adam --steps 300000

    \b
    Exit codes: 0 estimated, 2 wrong usage, 5 nothing is selected.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    if not no_time:
        start_fork_server()
    from benchbed.estimate.cost import estimate
    from benchbed.estimate.timing import time_plan
    from benchbed.runner.threads import threads_by_problem
    from benchbed.study.execution import start_workers
    from benchbed.study.resources import LOCAL, Resources, allocate

    catalog, plan, files = resolve_options(options, timeout)
    allocation = allocate(plan, Resources(jobs, timeout))
    timings = None
    if not no_time:
        with start_workers(catalog, LOCAL, allocation.jobs, devices=allocation.devices) as workers:
            timings, warnings = time_plan(plan, catalog, workers, files, timeout)
        print_warnings(warnings)
    threads = {} if allocation.devices else threads_by_problem(plan, allocation.jobs, allocation.cores)
    costs = estimate(plan, timings, threads)
    slots = min(allocation.jobs, len(allocation.devices)) or allocation.cores
    if format_ == "json":
        record = {
            "name": plan.name,
            "preset": plan.preset,
            "device": plan.device,
            "gradient": plan.gradient,
            "shard": None if plan.shard is None else str(plan.shard),
            "rows": [row._asdict() for row in costs.rows],
            "tracks": [row._asdict() for row in costs.tracks],
            "together": costs.together._asdict(),
            "jobs": allocation.jobs,
            "cores": allocation.cores,
            "devices": allocation.devices,
            "threads": threads,
            "wall_seconds": costs.wall_seconds(slots, allocation.jobs),
            "peak_bytes": costs.peak_bytes,
        }
        click.echo(json.dumps(record, indent=2, allow_nan=False))
        return
    for line in (*_table(plan, costs), *_shares(costs, allocation, threads, slots)):
        print_line(line.rstrip())


def _table(plan: "Plan", costs: "Estimate") -> Iterator[str]:
    """Yield the lines of the table: a row for each optimizer below its problem, three columns for each track."""
    gradient = "" if plan.gradient == "reverse" else f", gradient {plan.gradient}"
    tolerance = "" if plan.tolerance is None else f", tolerance {plan.tolerance:g}"
    shard = "" if plan.shard is None else f", shard {plan.shard}"
    rules = f"preset {plan.preset}, {plan.describe_seeds()}, device {plan.device}"
    yield f"{plan.name}: {rules}{gradient}{tolerance}{shard}"
    width = max(len(row.optimizer) for row in costs.rows) + 2
    yield " " * width + "".join(f"{track:>{len(_COLUMNS)}}" for track in plan.tracks)
    yield " " * width + _COLUMNS * len(plan.tracks)
    for problem, rows in groupby(costs.rows, key=lambda row: row.problem):
        yield problem
        for optimizer, costs_by_track in groupby(rows, key=lambda row: row.optimizer):
            yield f"{f'  {optimizer}':<{width}}" + "".join(map(_format_cost, costs_by_track))
    yield ""
    width = max(map(len, (*plan.tracks, costs.together.track)))
    yield " " * width + _COLUMNS
    for row in costs.tracks:
        yield f"{row.track:<{width}}{_format_cost(row)}"
    if len(plan.tracks) > 1:
        total = f"{costs.together.track:<{width}}{_format_cost(costs.together)}"
        yield f"{total}  (trials that tracks share count once)"
    if plan.extensions and "tuned" in plan.tracks:
        rates = plan.extensions * plan.rates_per_decade
        most = max(map(plan.tuning_seeds_of, plan.problems))
        yield f"a best rate at the edge of the grid adds up to {rates} rates x {most} seeds per problem and optimizer"
    if plan.refinements and "tuned" in plan.tracks:
        yield f"{2 * plan.refinements} rates around the best one, which are not counted above, run after the grid"


def _shares(
    costs: "Estimate", allocation: "Allocation", threads: Mapping[str, int], slots: int
) -> Iterator[str]:
    """Yield the time on all cores or devices, the threads, and the memory."""
    from benchbed.runner.memory import available_bytes, is_supported

    seconds = costs.wall_seconds(slots, allocation.jobs)
    if seconds is not None:
        places = plural(slots, "CUDA device" if allocation.devices else "core")
        time = f"about {seconds:.0f} s on {places} if no trial stops early"
        yield f"{time}, plus compilation, start-up, tables and plots"
    if several := [f"{count} on {problem}" for problem, count in threads.items() if count > 1]:
        yield f"threads of each compiled batch: {', '.join(several)}"
    if costs.peak_bytes is not None:
        size, jobs = format_bytes(costs.peak_bytes), allocation.jobs
        excess = ""
        if is_supported() and costs.peak_bytes * jobs > available_bytes():
            excess = f", more than the {format_bytes(available_bytes())} that they may use; use a smaller -j"
        yield f"about {size} of memory in each process, of which {jobs} run at a time{excess}"


def _format_cost(cost: "Cost") -> str:
    seconds = "-" if cost.seconds is None else f"{cost.seconds:.1f}"
    return f" {cost.trials:>7} {_format_count(cost.calls) if cost.calls else 'skipped':>8} {seconds:>9}"


def _format_count(count: int) -> str:
    """Format a count in four digits: 67k, 1.642M."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return f"{count / unit:.4g}{letter}"
    return str(count)
