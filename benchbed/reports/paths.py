"""Path of each optimizer over the contours of a two-dimensional objective, in a panel of its own."""

import math
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from benchbed.formatting import slugs
from benchbed.interfaces import MEASURED_STATUSES, Results, Surface
from benchbed.plotting.figure import WIDTH, save_figure, small_columns, small_panels
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import has_exact, optimizer_label, under_paths
from benchbed.reports.ranking import limit_optimizers

_LABEL = 112  # characters in the titles of a row of panels
_FAR = 1e3  # points are moved to so many frames away, because no renderer draws farther ones well
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

    Nothing is drawn if no trial is stored, or if the plugin of the problem is not installed.
    """
    if problem not in results.surfaces or not (results.outcomes["problem"] == problem).any():
        return {}
    results, note = limit_optimizers(results)
    name = f"paths-{slugs(results.problems)[problem]}"
    surface, trials = results.surfaces[problem], results.outcomes[results.outcomes["problem"] == problem]
    seed = int(trials["seed"].min())
    tracks = {track: paths for track in results.tracks if (paths := _paths(results, problem, track, seed))}
    columns = small_columns(max(map(len, tracks.values())))
    titles = 0.14 * max(path.label.count("\n") + 1 for paths in tracks.values() for path in paths)
    with theme(name):
        heights = [
            math.ceil(len(paths) / columns) * (WIDTH / columns + titles) + 0.3 for paths in tracks.values()
        ]
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        blocks = figure.subfigures(len(tracks), 1, height_ratios=heights, squeeze=False)[:, 0]
        for block, (track, paths) in zip(blocks, tracks.items(), strict=True):
            title = wrap_label(f"{problem}, {track} track, seed {seed}", 80)
            block.suptitle(title, x=0.01, ha="left", fontsize=10)
            for path, axes in zip(paths, small_panels(block, len(paths)), strict=True):
                axes.set_title(path.label, color=path.style.color, fontsize=8)
                _draw_contours(axes, surface)
                for background in paths:
                    axes.plot(*background.points.T, color="0.55", linewidth=0.6)
                _draw_path(axes, path, surface)
        has_losses = any(path.is_lost for paths in tracks.values() for path in paths)
        caption = under_paths(seed, surface.minimizer is not None, has_losses, has_exact(trials))
        return save_figure(figure, name, caption, note)


def _paths(results: Results, problem: str, track: str, seed: int) -> list[PlanarPath]:
    outcomes = results.outcomes[results.outcomes["problem"] == problem]
    trials = outcomes[(outcomes["seed"] == seed) & (outcomes["track"] == track)]
    low, high = _frame(results.surfaces[problem])
    paths = []
    for optimizer, style in line_styles(results.optimizers).items():
        for trial in trials[trials["optimizer"] == optimizer].itertuples():
            curve = results.curves[results.curves["trial_key"] == trial.trial_key].sort_values("calls")
            points = curve[["theta_0", "theta_1"]].to_numpy(dtype=float)
            is_finite = np.isfinite(points).all(axis=1).cumprod().astype(bool)  # up to the first that is not
            is_lost = trial.status not in MEASURED_STATUSES
            label = optimizer_label(optimizer, trials, _LABEL // small_columns(len(trials)))
            label += f"\n(× {str(trial.status).replace('_', ' ')})" if is_lost else ""
            points = points[is_finite].clip(low - _FAR * (high - low), high + _FAR * (high - low))
            paths.append(PlanarPath(points, is_lost, style, label))
    return paths


def _draw_contours(axes: Axes, surface: Surface) -> None:
    axes.set(
        xlim=(surface.x[0], surface.x[-1]),
        ylim=(surface.y[0], surface.y[-1]),
    )
    axes.grid(visible=False)
    axes.set_rasterization_zorder(1)  # contours in every panel would make the SVG large
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
    """Draw the start, the checkpoints and the end of a path, and the minimizer."""
    color, low, high = path.style.color, *_frame(surface)
    if surface.minimizer is not None:
        axes.plot(*surface.minimizer, "*", color="black", mec="white", markersize=11, zorder=5)
    if not len(path.points):
        return
    axes.plot(*path.points.T, "o-", color=color, linewidth=1.3, markersize=2.5, markeredgewidth=0)
    axes.plot(*path.points[0], "o", color="white", mec="black", mew=1.2, markersize=6, zorder=4)
    if path.is_lost:
        edge = _exit_point(path.points, low, high)
        axes.plot(*edge, "x", color=color, markersize=8, markeredgewidth=2.2, clip_on=False, zorder=6)
    else:
        axes.plot(*path.points[-1], "o", color=color, markersize=6, markeredgecolor="white", zorder=6)


def _frame(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower left and the upper right corner."""
    return np.array([surface.x[0], surface.y[0]]), np.array([surface.x[-1], surface.y[-1]])


def _exit_point(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the point `[2]` at which a path leaves the frame for good, else its last point."""
    inside = np.flatnonzero(np.all((points >= low) & (points <= high), axis=1))
    if not len(inside) or inside[-1] == len(points) - 1:
        return np.asarray(points[-1].clip(low, high))
    start, step = points[inside[-1]], points[inside[-1] + 1] - points[inside[-1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(step > 0, (high - start) / step, np.where(step < 0, (low - start) / step, np.inf))
    return np.asarray(start + step * shares.min())
