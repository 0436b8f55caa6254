"""Growth of cost with trials, dimension, steps and jobs, and of memory with trials.

`python benchmarks/scaling.py [--parts trials dimension steps jobs memory] [--problems …] [--engines compiled eager]
[--rounds 3] [--format json] [--plot FILE]`. The cost of a trial-step is that of the steps alone ("hot loop"), and that
of a whole batch with instances, checkpoints and final measurements ("batch"), on one core, with Adam and without the
time of compilation. Jobs are those of `benchbed run`, as a whole command. Memory is the peak of a process that runs one
batch, without its imports, with compilation if the engine chooses it.
"""

import argparse
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import scaling_points
import torch
from cores import keep_to
from peers_benchbed import PROBLEMS
from scaling_points import COST, QUICK, Point, ScalingSizes
from tabulate import tabulate

PARTS = ("trials", "dimension", "steps", "jobs", "memory")
ENGINES = ("compiled", "eager")


def measure(options: argparse.Namespace) -> list[Point]:
    """Measure the parts of the command line."""
    sizes = QUICK if options.quick else ScalingSizes()
    problems, engines, rounds = options.problems, options.engines, options.rounds
    points: list[Point] = []
    # These two run in separate processes, and jobs need all cores.
    if "jobs" in options.parts:
        points += scaling_points.against_jobs(sizes, rounds, options.jobs)
    if "memory" in options.parts:
        points += scaling_points.memory(sizes, problems, 1)
    keep_to(1)
    if "trials" in options.parts:
        points += scaling_points.against_trials(sizes, problems, engines, rounds)
    if "dimension" in options.parts:
        points += scaling_points.against_dimension(sizes, engines, rounds)
    if "steps" in options.parts:
        points += scaling_points.against_steps(sizes, engines, rounds)
    return points


def table(points: Iterable[Point]) -> str:
    """Format the points as a table."""
    headers = ("against", "size", "of", "measure", "engine", "median", "unit", "from", "to")
    rows = [
        (
            *(point.against, point.size, point.subject, point.measure, point.engine),
            *(_number(point.value), point.unit, *map(_number, point.spread)),
        )
        for point in points
    ]
    return tabulate(
        rows, headers, disable_numparse=True,
        colalign=("left", "right", "left", "left", "left", "right", "left", "right", "right"),
    )  # fmt: skip


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def plot(points: Sequence[Point], path: Path) -> None:
    """Draw a panel for each quantity that grows and each measure, four in a row."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    panels = list(dict.fromkeys((point.against, point.measure, point.unit) for point in points))
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(4.2 * columns, 4 * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    for axis, (against, measured, unit) in zip(axes.flat, panels, strict=False):
        _lines(axis, [point for point in points if (point.against, point.measure) == (against, measured)])
        cost = unit == COST
        axis.set(title=f"{measured} against {against}", xlabel=against, ylabel=unit)
        axis.set(xscale="linear" if against == "jobs" else "log", yscale="log" if cost else "linear")
        if against == "jobs":
            axis.set_xticks(sorted({point.size for point in points if point.against == against}))
        axis.set_ylim(bottom=None if cost else 0)
        axis.grid(visible=True, which="major", linewidth=0.3)
        axis.legend(fontsize=7, frameon=False, handlelength=3)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _lines(axis, points: Sequence[Point]) -> None:
    subjects = list(dict.fromkeys(point.subject for point in points))
    for subject, engine in dict.fromkeys((point.subject, point.engine) for point in points):
        line = [point for point in points if (point.subject, point.engine) == (subject, engine)]
        sizes, values = [point.size for point in line], [point.value for point in line]
        style = {"color": f"C{subjects.index(subject)}", "linestyle": "--" if engine == "eager" else "-"}
        axis.plot(sizes, values, **style, marker=".", linewidth=1.2, label=f"{subject}, {engine}")
        low, high = zip(*(point.spread for point in line), strict=True)
        axis.fill_between(sizes, low, high, color=style["color"], alpha=0.15, linewidth=0)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="largest number of jobs, for the part `jobs`"
    )
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot of the points (PNG, SVG or PDF)")
    parser.add_argument("--quick", action="store_true", help="small sizes, as a smoke test")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.jobs < 1:
        parser.error("rounds and jobs must be at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the measurements and print them."""
    options = parse(arguments)
    load = os.getloadavg()
    points = measure(options)
    if options.plot:
        plot(points, options.plot)
    if options.format == "json":
        facts = {"torch": torch.__version__, "rounds": options.rounds, "cores": os.cpu_count()}
        loads = {"load_before": load, "load_after": os.getloadavg()}
        print(json.dumps({**facts, **loads, "points": [point._asdict() for point in points]}, indent=2))
        return
    print(table(points))
    print(f"torch {torch.__version__}, rounds: {options.rounds}, cores: {os.cpu_count()}; ", end="")
    print(f"load {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
