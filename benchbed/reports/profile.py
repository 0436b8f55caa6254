"""Draw how many times the fewest calls each optimizer needs for success: a performance profile, drawn when asked for.

It is relative to the entrants: one more changes everybody's curve, and may reverse two of them. Scores do not do that.
Source: E. D. Dolan and J. J. Moré (2002), Benchmarking optimization software with performance profiles, section 2.
"""

import math

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, NullLocator, ScalarFormatter

from benchbed.analysis.summary import success_position
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import under_profile
from benchbed.reports.top_optimizers import thinned

_HEIGHT = 3.6


def pieces(results: Results) -> list[str]:
    """Give one piece, if anything is compared: over all problems, or on the only one."""
    compared = (results.groups["problem"] == _table(results)).any()
    return [_table(results)] if compared else []


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/profile.png` and `.svg`, a panel a track; the ratios are to the best of all who are compared."""
    shown, note = thinned(results)
    panels = {track: performance_ratios(results, track) for track in results.tracks}
    panels = {track: ratios for track, ratios in panels.items() if ratios}
    most = max(_largest(ratios) for ratios in panels.values())
    styles = line_styles(shown.optimizers)
    with theme("profile"):
        drawn = {track: [name for name in styles if name in ratios] for track, ratios in panels.items()}
        figure, axes = stacked_panels(
            [[wrap_label(name) for name in names] for names in drawn.values()], _HEIGHT
        )
        for panel, (track, names) in zip(axes, drawn.items(), strict=True):
            title = f"{piece or 'all problems'}, {track} track: performance profile, relative to the entrants"
            panel.set_title(wrap_label(title, 90))
            add_legend(
                panel,
                [
                    (_draw_curve(panel, panels[track][name], styles[name], most), wrap_label(name))
                    for name in names
                ],
            )
            _label(panel, most)
        cases = max(len(own) for ratios in panels.values() for own in ratios.values())
        absent = len(
            {name for ratios in panels.values() for name in results.optimizers if name not in ratios}
        )
        return save_figure(figure, "profile", under_profile(results, cases, absent), note)


def performance_ratios(results: Results, track: str) -> dict[str, np.ndarray]:
    """Give every compared optimizer's calls to success over the fewest that any of them needed, `[problems × seeds]`.

    +inf where it had no success, and for all where nobody had. The one trial of a deterministic row stands for every
    seed.
    """
    table = _table(results)
    groups = results.groups[(results.groups["problem"] == table) & (results.groups["track"] == track)]
    compared = [name for name in results.optimizers if name in set(groups["optimizer"])]
    if not compared:
        return {}
    problems = list(results.problems) if table == ALL_PROBLEMS else [table]
    calls = np.concatenate([_calls(results, problem, track, compared) for problem in problems], axis=1)
    fewest = calls.min(axis=0)
    ratios = np.divide(calls, fewest, out=np.full_like(calls, math.inf), where=np.isfinite(fewest))
    return dict(zip(compared, ratios, strict=True))


def share_within(ratios: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Give the share of all cases whose ratio is at most each of `limits: [n]`."""
    return np.asarray(np.searchsorted(np.sort(ratios), limits, side="right") / len(ratios))


def _table(results: Results) -> str:
    return ALL_PROBLEMS if len(results.problems) > 1 else next(iter(results.problems))


def _calls(results: Results, problem: str, track: str, optimizers: list[str]) -> np.ndarray:
    """Give the calls to the success target, `[optimizers, seeds]`."""
    outcomes, facts = results.outcomes, results.problems[problem]
    position = success_position(facts.targets, facts.success_target)
    rows = outcomes[(outcomes["problem"] == problem) & (outcomes["track"] == track)].sort_values("seed")
    calls = [
        np.array(
            [reached[position] for reached in rows["calls_to_target"][rows["optimizer"] == name]], dtype=float
        )
        for name in optimizers
    ]
    return np.array(np.broadcast_arrays(*calls))


def _largest(ratios: dict[str, np.ndarray]) -> float:
    """Give the largest finite ratio, at least 2 so that the axis has a length."""
    every = np.concatenate(list(ratios.values()))
    return float(np.max(every[np.isfinite(every)], initial=2.0))


def _draw_curve(axes: Axes, ratios: np.ndarray, look: LineStyle, most: float) -> Artist:
    jumps = np.unique(np.concatenate([[1.0], ratios[np.isfinite(ratios)], [most * 1.05]]))
    (line,) = axes.step(
        jumps, share_within(ratios, jumps), where="post", color=look.color, linestyle=look.dashes,
        marker=look.marker, markersize=4, markevery=0.15, linewidth=1.4,
    )  # fmt: skip
    return line


def _label(axes: Axes, most: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1, most * 1.05)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    ticks = [base * 10**power for power in range(12) for base in (1, 2, 5)]
    axes.set_xticks([tick for tick in ticks if tick <= most * 1.05])
    axes.set_xlabel("τ: calls to success, as a multiple of the fewest that any entrant needed")
    axes.set_ylabel("share of cases within τ")
