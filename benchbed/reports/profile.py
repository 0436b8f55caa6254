"""Performance profile: calls to success as a multiple of the fewest that any optimizer needed; an optional report.

It depends on which optimizers take part: one more changes all curves and can reverse two of them, unlike scores.
Source: E. D. Dolan and J. J. Moré (2002), Benchmarking optimization software with performance profiles, section 2.
"""

import math

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator, ScalarFormatter

from benchbed.analysis.aggregate import share_within
from benchbed.analysis.summary import success_position
from benchbed.interfaces import Results
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import line_styles, theme, wrap_label
from benchbed.reports.captions import under_profile
from benchbed.reports.ranking import limit_optimizers, main_table

_HEIGHT = 3.6  # inches


def pieces(results: Results) -> list[str]:
    """Return one piece if anything is compared: over all problems, or of the only one."""
    table = main_table(results)
    groups = results.groups[results.groups["measure"] == "score"]
    return [table] if (groups["problem"] == table).any() else []


def draw(results: Results, table: str) -> dict[str, bytes]:
    """Draw `plots/profile.png` and `.svg`, a panel a track; ratios are to the best of all compared optimizers."""
    limited, note = limit_optimizers(results)
    tracks = {track: ratios for track in results.tracks if (ratios := performance_ratios(results, track))}
    everything = np.concatenate([row for ratios in tracks.values() for row in ratios.values()])
    right = float(np.max(everything[np.isfinite(everything)], initial=2.0)) * 1.05
    styles = {wrap_label(name): style for name, style in line_styles(limited.optimizers).items()}
    curves = {
        track: {wrap_label(name): ratios[name] for name in limited.optimizers if name in ratios}
        for track, ratios in tracks.items()
    }
    ticks = [base * 10**power for power in range(12) for base in (1, 2, 5)]
    with theme("profile"):
        figure, panels = stacked_panels([list(of_track) for of_track in curves.values()], _HEIGHT)
        for axes, (track, of_track) in zip(panels, curves.items(), strict=True):
            title = f"{table or 'all problems'}, {track} track: performance profile, relative to the entrants"
            axes.set_title(wrap_label(title, 90))
            axes.set_xscale("log")
            axes.set_xlim(1, right)
            axes.set_ylim(0, 1.02)
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xticks([tick for tick in ticks if tick <= right])
            axes.set_xlabel("τ: calls to success, as a multiple of the fewest that any optimizer needed")
            axes.set_ylabel("share of cases within τ")
            steps = []
            for label, of_optimizer in of_track.items():
                jumps = np.unique([1.0, *of_optimizer[np.isfinite(of_optimizer)], right])
                shares = share_within(of_optimizer, jumps)
                steps.append(pd.DataFrame({"ratio": jumps, "share": shares, "label": label}))
            draw_lines(
                axes, pd.concat(steps), "ratio", "share", {label: styles[label] for label in of_track},
                marker_distance=0.15, drawstyle="steps-post",
            )  # fmt: skip
            add_legend(axes)
        cases = max(len(row) for ratios in tracks.values() for row in ratios.values())
        absent = {name for ratios in tracks.values() for name in results.optimizers if name not in ratios}
        return save_figure(figure, "profile", under_profile(results, cases, len(absent)), note)


def performance_ratios(results: Results, track: str) -> dict[str, np.ndarray]:
    """Compute the calls to success of each compared optimizer over the fewest of all, `[problems × seeds]`.

    A ratio is +inf in a case without success. The one trial of a deterministic row represents every seed.
    """
    table = main_table(results)
    groups = results.groups[(results.groups["problem"] == table) & (results.groups["track"] == track)]
    compared = [name for name in results.optimizers if name in set(groups["optimizer"])]
    if not compared:
        return {}
    trials = results.outcomes[results.outcomes["track"] == track]
    trials = trials[trials["optimizer"].isin(compared)]
    positions = {
        problem: success_position(facts.targets, facts.success_target)
        for problem, facts in results.problems.items()
    }
    reached = zip(trials["calls_to_target"], trials["problem"], strict=True)
    calls = trials.assign(calls=[float(calls[positions[problem]]) for calls, problem in reached]).pivot(
        index=["problem", "seed"], columns="optimizer", values="calls"
    )
    calls = calls.fillna(calls.groupby(level="problem").transform("first"))
    ratios = calls.div(calls.min(axis=1), axis=0).fillna(math.inf)  # ∞ / ∞ is NaN
    return {name: ratios[name].to_numpy() for name in compared}
