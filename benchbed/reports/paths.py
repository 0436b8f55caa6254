"""Draw the paths of the optimizers over the contours of a two-dimensional objective, one panel a track."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from benchbed.formatting import slugs
from benchbed.interfaces import MEASURED_STATUSES, Results, Surface
from benchbed.plotting.figure import Entry, add_legend, save_figure, stacked_panels
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.bands import checkpoints_of
from benchbed.reports.captions import has_exact, under_paths
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import thinned

_HEIGHT, _WIDTH = 4.3, 6.6  # inches: a square and its legend
_FAR = 1e3  # frames away from the frame: what lies beyond only harms the renderer
_GROUND = LinearSegmentedColormap.from_list("ground", ["#ffffff", "#d3d6da"])
_LEVELS = 18


class Path(NamedTuple):
    """One trial in the plane."""

    points: np.ndarray  # [checkpoints, 2], finite
    lost: bool
    look: LineStyle
    label: str


def pieces(results: Results) -> list[str]:
    """Name the two-dimensional problems."""
    return [problem for problem, facts in results.problems.items() if facts.dimension == 2]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/paths-<problem>.png` and `.svg`, on the instance of the lowest evaluation seed.

    Nothing, where the problem's plugin is not installed: there is no ground to draw upon.
    """
    if piece not in results.surfaces:
        return {}
    results, note = thinned(results)
    name = f"paths-{slugs(results.problems)[piece]}"
    surface = results.surfaces[piece]
    panels = {track: _paths(results, piece, track) for track in results.tracks}
    panels = {track: paths for track, paths in panels.items() if paths}
    with theme(name):
        figure, axes = stacked_panels(
            [[path.label for path in paths] + [""] * 2 for paths in panels.values()], _HEIGHT, _WIDTH
        )
        for panel, (track, paths) in zip(axes, panels.items(), strict=True):
            panel.set_title(wrap_label(f"{piece}, {track} track, seed {_seed(results, piece)}", 80))
            _draw_ground(panel, surface)
            entries = [(_draw_path(panel, path, surface), path.label) for path in paths]
            add_legend(panel, entries + _landmarks(panel, paths, surface))
        lost = any(path.lost for paths in panels.values() for path in paths)
        shown = results.outcomes[results.outcomes["problem"] == piece]
        return save_figure(figure, name, under_paths(_seed(results, piece), lost, has_exact(shown)), note)


def _paths(results: Results, problem: str, track: str) -> list[Path]:
    outcomes = results.outcomes[results.outcomes["problem"] == problem]
    shown = outcomes[(outcomes["seed"] == _seed(results, problem)) & (outcomes["track"] == track)]
    checkpoints = checkpoints_of(results.curves, shown, "theta_0", "theta_1")
    styles = line_styles(results.optimizers)
    first = shown.drop_duplicates("optimizer").set_index("optimizer")
    return [
        _path(
            checkpoints.get(str(first.at[name, "trial_key"])),
            str(first.at[name, "status"]),
            styles[name],
            f"{name} {EXACT_MARK}" if has_exact(first.loc[[name]]) else name,
        )
        for name in results.optimizers
        if name in first.index
    ]


def _seed(results: Results, problem: str) -> int:
    return int(results.outcomes["seed"][results.outcomes["problem"] == problem].min())


def _path(stored: np.ndarray | None, status: str, look: LineStyle, name: str) -> Path:
    points = np.empty((0, 2)) if stored is None else stored
    broken = ~np.isfinite(points).all(axis=1)
    lost = status not in MEASURED_STATUSES
    label = wrap_label(name) + (f"\n(× {status.replace('_', ' ')})" if lost else "")
    return Path(points[: broken.argmax()] if broken.any() else points, lost, look, label)


def _draw_ground(axes: Axes, surface: Surface) -> None:
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]), xlabel="θ₀", ylabel="θ₁")
    axes.grid(visible=False)
    if 0.5 <= np.ptp(surface.y) / np.ptp(surface.x) <= 2:
        axes.set_aspect("equal", anchor="NW")
    finite = surface.objective[np.isfinite(surface.objective)]
    if not len(finite):
        return
    lowest = float(finite.min()) if surface.optimum is None else min(surface.optimum, float(finite.min()))
    # Logarithmic heights show the valley as well as the slopes; the smallest height keeps log10 finite.
    height = np.maximum(surface.objective - lowest, (float(finite.max()) - lowest) * 1e-6 + 1e-300)
    height = np.ma.masked_invalid(np.log10(height))
    levels = np.linspace(float(height.min()), float(height.max()) + 1e-9, _LEVELS)
    grid = surface.x, surface.y, height, levels
    axes.contourf(*grid, cmap=_GROUND, zorder=0)
    axes.contour(*grid, colors="#9aa0a8", linewidths=0.4, linestyles="solid", zorder=0.5)


def _draw_path(axes: Axes, path: Path, surface: Surface) -> Artist:
    points = _near(path.points, surface)
    color = path.look.color
    style: dict[str, Any] = {
        "color": color,
        "linestyle": path.look.dashes,
        "linewidth": 1.3,
        "marker": path.look.marker,
    }
    axes.plot(*points.T, **style, markersize=3, markeredgewidth=0, alpha=0.9)
    if not len(points):
        return Line2D([], [], **style, markersize=4)
    if path.lost:
        edge = _exit(points, surface)
        axes.plot(*edge.T, "x", color=color, markersize=9, markeredgewidth=2.2, clip_on=False, zorder=6)
    else:
        axes.plot(
            *points[-1:].T, path.look.marker, color=color, markersize=7, markeredgecolor="white", zorder=5
        )
    return Line2D([], [], **style, markersize=4)


def _near(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Give the path up to its first point far outside of the frame."""
    corner = np.array([surface.x[0], surface.y[0]])
    size = np.array([np.ptp(surface.x), np.ptp(surface.y)])
    far = (np.abs((points - corner) / size) > _FAR).any(axis=1)
    return (
        points[: far.argmax() + 1].clip(corner - 2 * _FAR * size, corner + 2 * _FAR * size)
        if far.any()
        else points
    )


def _exit(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Give `[1, 2]`: where a path leaves the frame for good, or its last point; `[0, 2]` of an empty path."""
    low = np.array([surface.x[0], surface.y[0]])
    high = np.array([surface.x[-1], surface.y[-1]])
    inside: np.ndarray = np.all((points >= low) & (points <= high), axis=1)
    if not inside.any() or inside[-1]:
        return points[-1:].clip(low, high)
    last = len(inside) - 1 - int(inside[::-1].argmax())
    start, step = points[last], points[last + 1] - points[last]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(step > 0, (high - start) / step, np.where(step < 0, (low - start) / step, np.inf))
    return np.asarray((start + step * shares.min())[np.newaxis])


def _landmarks(axes: Axes, paths: list[Path], surface: Surface) -> list[Entry]:
    entries: list[Entry] = []
    starts = [path.points[0] for path in paths if len(path.points)]
    if starts:
        (start,) = axes.plot(*starts[0], "o", color="white", mec="black", mew=1.3, markersize=8, zorder=7)
        entries.append((start, "start"))
    if surface.minimizer is not None:
        (end,) = axes.plot(*surface.minimizer, "*", color="black", mec="white", markersize=13, zorder=7)
        entries.append((end, "minimizer"))
    return entries
