"""The figures of the triangles: exact networks, and the search for them."""

import re

import numpy as np
import pytest

from benchbed_course.figures.canvas import LOST, typeset
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.triangles import (
    COLOR,
    EIGHTHS,
    MISSED,
    composed,
    draw_exact,
    draw_training,
    measure_exact,
    plateaus,
    trials_by_depth,
)
from benchbed_problems.triangles import Triangles, exact_parameters

pytestmark = pytest.mark.slow

WAVES = {
    1: [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0],
    2: [0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5, 0],
    3: [0, 1, 0, 1, 0, 1, 0, 1, 0],
}
SEEDS = 12


@pytest.fixture(scope="module")
def exact(drawn):
    """The figure of the exact networks, and its picture."""
    return drawn(draw_exact, measure_exact())


@pytest.fixture(scope="module")
def study(study_of):
    """The suite of the course, with fewer seeds and a rate that finds f₁ within fewer steps."""
    return study_of("course-triangles", optimizers=["adam[learning_rate=0.05]"], steps=600, seeds=SEEDS)


@pytest.fixture(scope="module")
def training(study, drawn):
    """The figure of the search, and its picture."""
    return drawn(draw_training, study)


def test_the_measured_values_are_the_courses():
    """On the grid 0, 1/8, …, 1, exactly, with 7, 13 and 19 parameters."""
    assert {one["depth"]: one["grid"] for one in measure_exact()} == WAVES
    assert [one["parameters"] for one in measure_exact()] == [7, 13, 19]


def test_the_caption_lists_values_and_counts(exact):
    """Those of the measurement."""
    caption = exact[1].caption
    for sign, wave in zip("₁₂₃", WAVES.values(), strict=True):
        assert f"f{sign}: {' '.join(f'{value:g}' for value in wave)}" in caption
    assert "27 of 27 values equal the exact fractions to the last bit" in caption
    assert "7 (1 hidden layer), 13 (2 hidden layers), 19 (3 hidden layers)" in caption


def test_a_value_that_is_not_exact_is_not_counted(drawn):
    """One off by the last bit."""
    measured = measure_exact()
    measured[1]["grid"][3] = float(np.nextafter(0.5, 1))
    assert "26 of 27 values equal" in drawn(draw_exact, measured)[1].caption


def test_each_function_has_a_panel(exact):
    """The network's line, and the nine exact values."""
    assert len(exact[0].axes) == 3
    for axes, wave in zip(exact[0].axes, WAVES.values(), strict=True):
        line, points = axes.get_lines()
        assert list(points.get_ydata()) == wave
        x, y = line.get_data()
        assert [y[np.argmin(abs(np.array(x) - float(place)))] for place in EIGHTHS] == wave


def test_fractions_compose_to_the_courses_values():
    """Without rounding, whatever the depth."""
    for depth, wave in WAVES.items():
        assert [composed(x, depth) for x in EIGHTHS] == wave


def test_the_caption_counts_what_was_solved(study, training):
    """Out of the stored trials again, with Wilson's interval."""
    rows, caption = study.trials, training[1].caption
    for parameters, sign, layers in (
        ('{"depth": 1}', "₁", "1 hidden layer "),
        ("{}", "₂", "2 hidden layers "),
    ):
        mine = rows[rows["problem_parameters"] == parameters]
        assert len(mine) == SEEDS
        solved = int((mine["status"] == "solved").sum())
        low, high = success_interval(solved, SEEDS)
        assert (
            f"With {layers}{solved} of {SEEDS} starts solve f{sign} ({solved / SEEDS:.0%}, 95% interval"
            in caption
        )
        assert f"interval {low:.0%} to {high:.0%})" in caption
        last = sorted(curve[-1] for curve in mine["curve_objective"])
        losses = f"the lowest loss is {last[0]:.1e} and the median {last[(SEEDS - 1) // 2]:.4f}"
        assert typeset(losses) in caption


def test_some_starts_solve_the_first_and_some_do_not(study):
    """Otherwise the colours of the figure would not be tested here."""
    assert 0 < trials_by_depth(study)[0].solved < SEEDS


def test_every_start_has_a_curve_in_its_colour(study, training):
    """Solved ones in the optimizer's."""
    for axes, group in zip(training[0].axes[2:], trials_by_depth(study), strict=True):
        curves = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
        colors = [line.get_color() for line in curves]
        assert len(curves) == SEEDS
        assert colors.count(COLOR) == group.solved
        assert colors.count(MISSED) == SEEDS - group.solved


def test_the_fits_are_the_lowest_and_the_median(study, training):
    """Evaluated at the stored parameters."""
    for axes, group in zip(training[0].axes[:2], trials_by_depth(study), strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
        x, y = group.problem.shared_data().test_x.squeeze(-1).numpy(), lines["target"]
        errors = sorted(trial.loss[-1] for trial in group.trials)
        # The test points lie closer than the samples: their losses agree within a hundredth, or both vanish.
        for name, loss in (("lowest", errors[0]), ("median", errors[(SEEDS - 1) // 2])):
            squares = (np.array(lines[f"fit of {name} loss"]) - np.array(y)) ** 2
            assert np.trapezoid(squares, x) / 2 == pytest.approx(loss, rel=0.03, abs=1e-6)


def test_trials_that_end_at_the_target_are_solved(study):
    """Also those that meet it at their last checkpoint only."""
    for group in trials_by_depth(study):
        assert group.solved == sum(trial.gap <= 1e-4 for trial in group.trials)


def test_each_plateau_has_its_own_label(training):
    """And its own dashes."""
    lines = {line.get_label(): line.get_linestyle() for line in training[0].axes[2].get_lines()}
    assert {"best constant", "best single unit"} <= set(lines)
    assert lines["best constant"] != lines["best single unit"]
    texts = [text.get_text() for text in training[0].legends[0].get_texts()]
    assert {"best constant", "best single unit"} <= set(texts)


def test_the_plateaus_are_attained_and_least():
    """By a constant; and by one unit, whose loss no point of a coarser grid of lines with a kink goes below."""
    problem = Triangles(depth=1)
    data, levels = problem.shared_data(), plateaus(problem)
    x, y = data.x.squeeze(-1).numpy(), data.y.squeeze(-1).numpy()
    assert levels["best constant"] == pytest.approx(((y - y.mean()) ** 2).mean() / 2)
    losses = []
    for kink in np.linspace(0.01, 0.99, 99):
        for side in (-1, 1):
            design = np.stack([np.ones_like(x), np.maximum(0, side * (x - kink))], axis=1)
            coefficients = np.linalg.lstsq(design, y)[0]
            losses.append(((design @ coefficients - y) ** 2).mean() / 2)
    assert levels["best single unit"] <= min(losses) + 1e-15
    assert levels["best single unit"] == pytest.approx(min(losses), rel=1e-3)
    assert list(plateaus(Triangles(depth=2))) == ["best constant"]


def test_diverged_trials_are_red_and_counted(study_of, drawn):
    """At a learning rate far too large."""
    wild = study_of("course-triangles", optimizers=["sgd[learning_rate=1e9]"], steps=8, seeds=2)
    figure, picture = drawn(draw_training, wild)
    said = [int(count) for count in re.findall(r"; (\d+) diverged \(red\)", picture.caption)]
    lost = [line for axes in figure.axes[2:] for line in axes.get_lines() if line.get_color() == LOST]
    assert sum(said) == len(lost) == (wild.trials["status"] == "diverged").sum() > 0


def test_a_trial_without_a_result_is_an_error(study_of):
    """A step of gradient descent costs more than a budget of one call."""
    skipped = study_of("course-triangles", optimizers=["gd"], steps=1, seeds=1)
    with pytest.raises(ValueError, match="has no result to draw"):
        draw_training(skipped)


def test_the_parameters_are_counted_from_the_network():
    """Not typed: as many as its layout holds."""
    assert [one["parameters"] for one in measure_exact()] == [
        Triangles(depth=depth).layout.dimension for depth in WAVES
    ]
    assert len(exact_parameters(3)) == 19
