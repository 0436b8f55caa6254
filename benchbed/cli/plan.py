"""`benchbed plan`: say what a study would cost before anything is spent."""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from benchbed.cli.options import jobs_option, make, plan_options

if TYPE_CHECKING:
    from benchbed.estimate import Cost, Estimate
    from benchbed.plan import Plan


@click.command("plan", short_help="Say what a study would cost, before anything is spent.")
@plan_options
@jobs_option
@click.option("--no-time", is_flag=True, help="Count only; do not time a few steps of each pairing.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("table", "json")),
    default="table",
    help="How to print the costs on stdout.",
)
def plan_command(jobs: int | None, no_time: bool, format_: str, **options: Any) -> None:
    """Count the trials and calls of a study and estimate its time, for each track.

    Nothing is written, and what a folder already holds is not looked at. The time is that of one core, estimated from
    a few real steps and checkpoints of every pairing, as if no trial stopped early. Those do that reach all targets,
    meet the tolerance or diverge: expect less, by how much nobody knows before.

    \b
    Examples:
      benchbed plan
      benchbed plan --preset full --track searched
      benchbed plan -p 'polynomial-network' -o adam --steps 300000
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    if not no_time:
        start_fork_server()
    from benchbed.estimate import estimate, time_plan
    from benchbed.runner.scheduler import threads_of
    from benchbed.study.resources import default_jobs, start_workers

    catalog, plan, files = make(options)
    used = jobs or default_jobs(plan)
    timings = None
    if not no_time:
        with start_workers(catalog, "processes", used) as workers:
            timings, complaints = time_plan(plan, workers, files)
        for complaint in complaints:
            click.echo(f"warning: {complaint}", err=True)
    costs = estimate(plan, timings, threads_of(plan, used))
    if format_ == "json":
        click.echo(json.dumps(_record(plan, costs, used), indent=2, allow_nan=False))
    else:
        for line in (
            *_heading(plan),
            *_table(plan, costs),
            *_sums(plan, costs),
            *_remarks(plan, costs, used),
        ):
            _print(line)


def _record(plan: "Plan", costs: "Estimate", jobs: int) -> dict[str, Any]:
    return {
        "name": plan.name,
        "preset": plan.preset,
        "device": plan.device,
        "gradient": plan.gradient,
        "rows": [row._asdict() for row in costs.rows],
        "tracks": [row._asdict() for row in costs.tracks],
        "together": costs.together._asdict(),
        "jobs": jobs,
        "wall_seconds": costs.wall_seconds(jobs),
    }


def _heading(plan: "Plan") -> Iterator[str]:
    seeds = f"{plan.evaluation_seeds} evaluation seeds, {plan.tuning_seeds} tuning seeds"
    stops = "" if plan.tolerance is None else f", tolerance {plan.tolerance:g}"
    gradient = "" if plan.gradient == "reverse" else f", gradient {plan.gradient}"
    yield f"{plan.name}: preset {plan.preset}, {seeds}, device {plan.device}{gradient}{stops}"


_COLUMNS = f" {'trials':>7} {'calls':>8} {'seconds':>9}"


def _table(plan: "Plan", costs: "Estimate") -> Iterator[str]:
    """Yield a row an optimizer beneath each problem, with three columns a track."""
    width = max(len(row.optimizer) for row in costs.rows) + 2
    yield " " * width + "".join(f"{track:>{len(_COLUMNS)}}" for track in plan.tracks)
    yield " " * width + _COLUMNS * len(plan.tracks)
    for problem, of_problem in groupby(costs.rows, key=lambda row: row.problem):
        yield problem
        for optimizer, tracks in groupby(of_problem, key=lambda row: row.optimizer):
            yield f"{f'  {optimizer}':<{width}}" + "".join(map(_cells, tracks))
    yield ""


def _sums(plan: "Plan", costs: "Estimate") -> Iterator[str]:
    width = max(map(len, (*plan.tracks, costs.together.track)))
    yield " " * width + _COLUMNS
    for row in costs.tracks:
        yield f"{row.track:<{width}}{_cells(row)}"
    if len(plan.tracks) > 1:
        yield f"{costs.together.track:<{width}}{_cells(costs.together)}  (trials that tracks share count once)"


def _remarks(plan: "Plan", costs: "Estimate", jobs: int) -> Iterator[str]:
    if plan.extensions and "tuned" in plan.tracks:
        most = plan.extensions * plan.rates_per_decade
        yield f"a best rate at the edge of the grid adds up to {most} rates x {plan.tuning_seeds} seeds to a pairing"
    seconds = costs.wall_seconds(jobs)
    if seconds is not None:
        yield (
            f"about {seconds:.0f} s on {jobs} cores if no trial stops early; compiling, start-up, tables and plots "
            "come on top"
        )


def _cells(cost: "Cost") -> str:
    seconds = "-" if cost.seconds is None else f"{cost.seconds:.1f}"
    return f" {cost.trials:>7} {_compact(cost.calls) if cost.calls else 'skipped':>8} {seconds:>9}"


def _compact(count: int) -> str:
    """Write a count in four digits: 67k, 1.642M."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return f"{count / unit:.4g}{letter}"
    return str(count)


def _print(line: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    click.echo(line.rstrip().encode(encoding, "backslashreplace").decode(encoding))
