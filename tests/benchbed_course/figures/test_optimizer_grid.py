"""The grid of optimizers and problems: its panels, also of results that are missing, and their labels."""

import pytest

from benchbed_course.figures.optimizer_grid import optimizer_grid
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trial(study_of):
    """Any trial."""
    return trials_of(study_of("course-rmsprop", steps=2))[0]


@pytest.fixture
def grid_of(trial):
    """Return a function that builds the grid of pairs of optimizer and problem."""

    def build(*pairs):
        trials = [trial._replace(optimizer=optimizer, problem=problem) for optimizer, problem in pairs]
        return optimizer_grid(trials, 9.5, ("y", "loss"))

    return build


def positions(cells):
    """Return rows and column of each cell, counted from 0."""
    specs = [[axes.get_subplotspec() for axes in pair] for pair in cells]
    return [(upper.rowspan.start, lower.rowspan.start, upper.colspan.start) for upper, lower in specs]


def test_an_optimizer_has_two_rows_and_a_problem_a_column(grid_of):
    """Without a name where the optimizer is the only one."""
    figure, cells = grid_of(("sgd", "a"), ("sgd", "b"), ("sgd", "c"))
    assert positions(cells) == [(0, 1, 0), (0, 1, 1), (0, 1, 2)]
    assert [axes.get_ylabel() for axes in figure.axes] == ["y", "", "", "loss", "", ""]


def test_a_missing_result_leaves_no_panel(grid_of, trial):
    """Its optimizer is named at the leftmost panel that it has, in any order of the trials."""
    figure, cells = grid_of(("sgd", "a"), ("sgd", "b"), ("adam", "c"), ("adam", "b"))
    assert positions(cells) == [(0, 1, 0), (0, 1, 1), (2, 3, 2), (2, 3, 1)]
    assert figure.axes == [axes for pair in (0, 1) for axes in (cells[0][pair], cells[1][pair])] + [
        axes for pair in (0, 1) for axes in (cells[3][pair], cells[2][pair])
    ]
    rate = f" (η = {trial.setting['learning_rate']:g})"
    labels = [(upper.get_ylabel(), lower.get_ylabel()) for upper, lower in cells]
    assert labels == [(f"sgd{rate}\ny", "loss"), ("", ""), ("", ""), (f"adam{rate}\ny", "loss")]
