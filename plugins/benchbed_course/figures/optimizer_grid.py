"""A grid of panels with a column for each problem, and two rows for each optimizer."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchbed.plotting import wrap_label
from benchbed_course.figures.canvas import canvas
from benchbed_course.figures.optimizers import by_optimizer, label_of
from benchbed_course.figures.trials import Trial


def optimizer_grid(
    trials: Sequence[Trial], width: float, ylabels: tuple[str, str]
) -> tuple[Figure, list[tuple[Axes, Axes]]]:
    """Build a figure with an upper and a lower panel for each optimizer and problem.

    Args:
        trials: One trial of each optimizer on each problem that it has results for.
        width: Width of the figure in inches.
        ylabels: Labels of the upper and of the lower row, at the leftmost panels of an optimizer. The upper one begins
            with the name of the optimizer if there are several.

    Returns:
        The figure, and the two panels of each of the trials.
    """
    problems = list(dict.fromkeys(trial.problem for trial in trials))
    groups, columns = by_optimizer(trials), len(problems)
    figure, panels = canvas(columns=columns, rows=2 * len(groups), width=width, height=2.9)
    cells = {
        (optimizer, problem): (panels[2 * row * columns + column], panels[(2 * row + 1) * columns + column])
        for row, optimizer in enumerate(groups)
        for column, problem in enumerate(problems)
    }
    for optimizer, group in groups.items():
        upper, lower = cells[optimizer, min((trial.problem for trial in group), key=problems.index)]
        name = f"{wrap_label(label_of(group[0]))}\n" if len(groups) > 1 else ""
        upper.set_ylabel(f"{name}{ylabels[0]}")
        lower.set_ylabel(ylabels[1])
    filled = [cells[trial.optimizer, trial.problem] for trial in trials]
    for axes in panels:
        if not any(axes in pair for pair in filled):
            axes.remove()
    return figure, filled
