"""Results of a comparison: records, table and plot."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

HOT, BATCH, FRESH, AGAIN, COMMAND = "hot loop", "batch", "end to end", "end to end, cached", "command line"
MEASURES = (HOT, BATCH, FRESH, AGAIN, COMMAND)
SCALED = " (scaled)"
"""Suffix of a peer whose time was measured with fewer trials."""


class Record(NamedTuple):
    """One comparison: medians over the rounds, in µs a trial-step."""

    problem: str
    trials: int
    steps: int
    peer: str
    measure: str
    benchbed_us: float
    peer_us: float
    ratio: float
    """Time of the peer relative to benchbed: the median of the ratios of the rounds."""
    spread: Mapping[str, tuple[float, float]]
    """Lowest and highest round of the three numbers."""


class Seconds(NamedTuple):
    """Seconds of every round, and the number of trial-steps in each."""

    seconds: Sequence[float]
    trial_steps: int

    def microseconds(self) -> list[float]:
        """Return µs a trial-step of every round."""
        return [1e6 * each / self.trial_steps for each in self.seconds]


class Case(NamedTuple):
    """Problem, trials and steps of a comparison."""

    problem: str
    trials: int
    steps: int


def compare(case: Case, peer: str, measure: str, ours: Seconds, theirs: Seconds) -> Record:
    """Compare the rounds."""
    values = {"benchbed_us": ours.microseconds(), "peer_us": theirs.microseconds()}
    values["ratio"] = [slow / fast for fast, slow in zip(*values.values(), strict=True)]
    medians = {name: statistics.median(rounds) for name, rounds in values.items()}
    ranges = {name: (min(rounds), max(rounds)) for name, rounds in values.items()}
    return Record(*case, peer, measure, **medians, spread=ranges)


def table(records: Sequence[Record]) -> str:
    """Format the records as a table."""
    headers = (
        "problem",
        "trials",
        "steps",
        "peer",
        "measure",
        "benchbed µs",
        "peer µs",
        "ratio",
        "from",
        "to",
    )
    rows = [
        (
            *record[:5],
            _number(record.benchbed_us),
            _number(record.peer_us),
            *map(_number, (record.ratio, *record.spread["ratio"])),
        )
        for record in records
    ]
    text = tabulate(
        rows, headers, disable_numparse=True, colalign=["left", *["right"] * 2, *["left"] * 2, *["right"] * 5]
    )
    return f"{text}\nratio: time of the peer / time of benchbed; from, to: lowest and highest round"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


LINES = {HOT: "-", BATCH: ":", FRESH: "--", AGAIN: "-.", COMMAND: "--"}


def plot(records: Sequence[Record], path: Path) -> None:
    """Draw the ratios against the number of trials, with one panel for each problem."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    problems = list(dict.fromkeys(record.problem for record in records))
    peers = list(dict.fromkeys(record.peer.removesuffix(SCALED) for record in records))
    figure, axes = pyplot.subplots(
        1,
        len(problems),
        figsize=(1.2 + 3.4 * len(problems), 4.2),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, problem in zip(axes[0], problems, strict=True):
        _panel(axis, [record for record in records if record.problem == problem], peers)
        axis.set(title=problem, xlabel="trials", xscale="log", yscale="log")
    axes[0, 0].set_ylabel("time of the peer / time of benchbed")
    lines = {line.get_label(): line for axis in axes[0] for line in axis.get_legend_handles_labels()[0]}
    figure.legend(
        lines.values(),
        lines.keys(),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8,
        handlelength=3,
    )
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def _panel(axis, records: Sequence[Record], peers: Sequence[str]) -> None:
    axis.axhline(1, color="0.6", linewidth=0.8)
    axis.grid(visible=True, which="major", linewidth=0.3)
    for number, peer in enumerate(peers):
        for measure in MEASURES:
            # scaled numbers are on the same line; the table labels them
            points = sorted(
                (record.trials, record.ratio, *record.spread["ratio"])
                for record in records
                if record.peer.removesuffix(SCALED) == peer and record.measure == measure
            )
            if points:
                trials, ratios, low, high = zip(*points, strict=True)
                axis.plot(
                    trials, ratios, LINES[measure], color=f"C{number}", marker=".", label=f"{peer}, {measure}"
                )
                axis.fill_between(trials, low, high, color=f"C{number}", alpha=0.15, linewidth=0)
