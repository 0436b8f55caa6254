"""Paths of the optimizers over the contours of a two-dimensional objective, one panel a track."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from benchbed.formatting import slugs
from benchbed.interfaces import MEASURED_STATUSES, Results, Surface
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import has_exact, under_paths
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import limit_optimizers

_HEIGHT, _WIDTH = 4.3, 6.6  # inches: a square and its legend
_FAR = 1e3  # a path is cut where it is so many frames away, which no renderer draws well
_GREYS = LinearSegmentedColormap.from_list("greys", ["#ffffff", "#d3d6da"])
_LEVELS = 18  # contours


class PlanarPath(NamedTuple):
    """Checkpoints of one trial in the plane."""

    points: np.ndarray  # [checkpoints, 2], finite
    is_lost: bool
    style: LineStyle
    label: str


def pieces(results: Results) -> list[str]:
    """Return the two-dimensional problems."""
    return [problem for problem, facts in results.problems.items() if facts.dimension == 2]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/paths-<problem>.png` and `.svg`, on the instance of the lowest evaluation seed.

    Nothing is drawn if the plugin of the problem is not installed, because the objective is unknown then.
    """
    if problem not in results.surfaces:
        return {}
    results, note = limit_optimizers(results)
    name = f"paths-{slugs(results.problems)[problem]}"
    surface, trials = results.surfaces[problem], results.outcomes[results.outcomes["problem"] == problem]
    seed = int(trials["seed"].min())
    tracks = {track: paths for track in results.tracks if (paths := _paths(results, problem, track, seed))}
    with theme(name):
        figure, panels = stacked_panels(
            [[path.label for path in paths] + [""] * 2 for paths in tracks.values()], _HEIGHT, _WIDTH
        )
        for axes, (track, paths) in zip(panels, tracks.items(), strict=True):
            axes.set_title(wrap_label(f"{problem}, {track} track, seed {seed}", 80))
            _draw_contours(axes, surface)
            for path in paths:
                _draw_path(axes, path, surface)
            starts = [path.points[:1] for path in paths if len(path.points)]
            if starts:
                start: dict[str, Any] = {"color": "white", "mec": "black", "mew": 1.3, "markersize": 8}
                axes.plot(*starts[0].T, "o", **start, zorder=7, label="start")
            if surface.minimizer is not None:
                minimizer = np.array([surface.minimizer]).T
                axes.plot(
                    *minimizer, "*", color="black", mec="white", markersize=13, zorder=7, label="minimizer"
                )
            add_legend(axes)
        has_losses = any(path.is_lost for paths in tracks.values() for path in paths)
        return save_figure(figure, name, under_paths(seed, has_losses, has_exact(trials)), note)


def _paths(results: Results, problem: str, track: str, seed: int) -> list[PlanarPath]:
    outcomes = results.outcomes[results.outcomes["problem"] == problem]
    trials = outcomes[(outcomes["seed"] == seed) & (outcomes["track"] == track)]
    styles, paths = line_styles(results.optimizers), []
    for optimizer in results.optimizers:
        trial = trials[trials["optimizer"] == optimizer][:1]
        if not len(trial):
            continue
        curve = results.curves[results.curves["trial_key"] == trial["trial_key"].iloc[0]].sort_values("calls")
        points = curve[["theta_0", "theta_1"]].to_numpy(dtype=float)
        broken = ~np.isfinite(points).all(axis=1)
        status = str(trial["status"].iloc[0])
        is_lost = status not in MEASURED_STATUSES
        label = wrap_label(f"{optimizer} {EXACT_MARK}" if has_exact(trial) else optimizer)
        label += f"\n(× {status.replace('_', ' ')})" if is_lost else ""
        points = points[: broken.argmax()] if broken.any() else points
        paths.append(PlanarPath(points, is_lost, styles[optimizer], label))
    return paths


def _draw_contours(axes: Axes, surface: Surface) -> None:
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
    axes.contourf(*grid, cmap=_GREYS, zorder=0)
    axes.contour(*grid, colors="#9aa0a8", linewidths=0.4, linestyles="solid", zorder=0.5)


def _draw_path(axes: Axes, path: PlanarPath, surface: Surface) -> None:
    color, dashes, marker = path.style
    line: dict[str, Any] = {"color": color, "linestyle": dashes, "linewidth": 1.3, "marker": marker}
    axes.plot([], [], **line, markersize=4.5, label=path.label)
    if not len(path.points):
        return
    points = _cut_far(path.points, surface)
    axes.plot(*points.T, **line, markersize=3, markeredgewidth=0, alpha=0.9)
    if path.is_lost:
        edge = _exit_point(points, surface)
        axes.plot(*edge.T, "x", color=color, markersize=9, markeredgewidth=2.2, clip_on=False, zorder=6)
    else:
        axes.plot(*points[-1:].T, marker, color=color, markersize=7, markeredgecolor="white", zorder=5)


def _cut_far(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Return the path up to its first point far outside of the frame."""
    corner = np.array([surface.x[0], surface.y[0]])
    size = np.array([np.ptp(surface.x), np.ptp(surface.y)])
    is_far = (np.abs((points - corner) / size) > _FAR).any(axis=1)
    if not is_far.any():
        return points
    return points[: is_far.argmax() + 1].clip(corner - 2 * _FAR * size, corner + 2 * _FAR * size)


def _exit_point(points: np.ndarray, surface: Surface) -> np.ndarray:
    """Return `[1, 2]`: the point at which a path leaves the frame for good, else its last point."""
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
