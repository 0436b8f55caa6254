"""The error by the number of units: trained losses from the trials, least squares and theory against SciPy."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import LSQUnivariateSpline

from benchbed.interfaces import Optimizer
from benchbed_course.figures.breakpoints import best_density, network_trials
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.network_sizes import (
    best_kinks,
    draw_errors,
    ends_by_optimizer,
    even_kinks,
    smallest_loss,
    spline_loss,
)

pytestmark = pytest.mark.slow

SIZES = (4, 8, 15, 30, 60, 100, 200)
SEEDS = 3


@pytest.fixture(scope="module")
def studies(study_of):
    """Both suites of the course, with fewer steps and seeds."""
    return [
        study_of(suite, steps=30, seeds=SEEDS)
        for suite in ("course-shallow-network", "course-shallow-network-sizes")
    ]


def curvature(x):
    """Compute the second derivative of 1 / (1 + 25 z²), z = 2x − 1, by a difference with 1e-4 in x."""
    h = 1e-4

    def target(x):
        return 1 / (1 + 25 * (2 * x - 1) ** 2)

    return (target(x + h) - 2 * target(x) + target(x - h)) / h**2


@pytest.mark.parametrize("kinks", [even_kinks(7), best_kinks(7), best_kinks(40)])
def test_the_loss_is_that_of_scipys_splines(kinks):
    """Least-squares splines of degree 1 with the same knots on the same points."""
    x = np.linspace(0, 1, 5001)
    y = 1 / (1 + 25 * (2 * x - 1) ** 2)
    residual = y - LSQUnivariateSpline(x, y, kinks, k=1)(x)
    assert spline_loss(kinks) == pytest.approx((residual**2).mean() / 2, rel=1e-6)


def test_the_kinks_are_quantiles_of_the_density():
    """The density's integral up to the third of five kinks is one half, by SciPy."""
    kinks = best_kinks(5)
    for index, kink in enumerate(kinks, start=1):
        assert quad(best_density, 0, kink, limit=200)[0] == pytest.approx(index / 6, abs=1e-4)


def test_the_theory_is_attained_by_many_kinks():
    """Constants by quadrature; least squares comes within a tenth of both theories, of the best and of even kinks."""
    integral = quad(lambda x: abs(curvature(x)) ** 0.4, 0, 1, limit=200, points=[0.4423, 0.5577])[0]
    assert smallest_loss(np.array(49)) == pytest.approx(integral**5 / (1440 * 50**4), rel=1e-3)
    assert spline_loss(best_kinks(49)) == pytest.approx(smallest_loss(np.array(49)), rel=0.1)
    squares = quad(lambda x: curvature(x) ** 2, 0, 1, limit=200)[0]
    assert spline_loss(even_kinks(49)) == pytest.approx(squares / (1440 * 50**4), rel=0.1)
    assert spline_loss(even_kinks(49)) > 1.5 * spline_loss(best_kinks(49))


def test_trained_losses_are_the_metric_of_the_trials(studies, drawn):
    """For each size of the optimizer that both suites run; the other rate of one suite is left out."""
    figure, picture = drawn(draw_errors, *studies)
    networks = [
        group
        for study in studies
        for group in network_trials(study)
        if group.problem.activation == "relu" and group.rate == 0.01
    ]
    ends = ends_by_optimizer(networks)
    assert [*ends] == ["adam[learning_rate=0.01]"]
    (losses,) = ends.values()
    assert [*losses] == [*SIZES]
    rows = [row for study in studies for row in study.trials.to_dict("records")]
    for size, values in losses.items():
        parameters = "{}" if size == 30 else f'{{"hidden": {size}}}'
        metrics = [
            row["metrics"]["test-loss"]
            if isinstance(row["metrics"], dict)
            else dict(row["metrics"])["test-loss"]
            for row in rows
            if row["problem_parameters"] == parameters and '"learning_rate": 0.01' in row["hyperparameters"]
        ]
        assert sorted(metrics) == sorted(values.tolist())
        assert typeset(f"{sorted(metrics)[1]:.1e} ({size})") in picture.caption
    assert "0.03" not in picture.caption
    (axes,) = figure.axes
    medians = next(line for line in axes.get_lines() if line.get_label().endswith("median"))
    assert list(medians.get_ydata()) == [sorted(values)[1] for values in losses.values()]
    slope = np.polyfit(np.log(SIZES), np.log(medians.get_ydata()), 1)[0]
    assert typeset(f"from 4 to 200 units is {slope:.1f}") in picture.caption
    assert set(picture.files) == {"png", "svg"}


def test_the_caption_compares_with_what_kinks_can_attain(studies, drawn):
    """Least squares at both placements, for the fewest and the most units."""
    caption = drawn(draw_errors, *studies)[1].caption
    for placement in (even_kinks, best_kinks):
        assert typeset(f"{spline_loss(placement(4)):.1e} to {spline_loss(placement(200)):.1e}") in caption


def test_an_optimizer_that_fails_at_one_size_is_drawn_at_the_others(study_of, drawn):
    """At the largest size too; the slope is that of its own sizes, and the caption names the missing ones."""

    def mine(failing):
        def update(oracle, state, theta):
            if theta.shape[-1] in {3 * hidden + 1 for hidden in failing}:
                raise RuntimeError("no step")
            return theta - 0.01 * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    optimizers = [
        "adam[learning_rate=0.01]",
        ("some", lambda: mine((8, 200))),
        ("single", lambda: mine(set(SIZES) - {15})),
    ]
    partial = [
        study_of(suite, steps=6, seeds=2, optimizers=optimizers)
        for suite in ("course-shallow-network", "course-shallow-network-sizes")
    ]
    figure, picture = drawn(draw_errors, *partial)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["some, median"].get_xdata()) == [4, 15, 30, 60, 100]
    assert list(lines["single, median"].get_xdata()) == [15]
    losses = lines["some, median"].get_ydata()
    slope = np.polyfit(np.log([4, 15, 30, 60, 100]), np.log(losses), 1)[0]
    ratio = losses[-1] / spline_loss(best_kinks(100))
    assert typeset(f"from 4 to 100 units is {slope:.1f}, the") in picture.caption
    assert f"with 100 units it is {ratio:,.0f} times the loss of the best density" in picture.caption
    assert "; no result with 8 and with 200 units; the slope" in picture.caption
    assert "2 of 2 trials of some on shallow-network[hidden=8] (failed)" in picture.caption


def test_studies_without_a_shared_optimizer_are_an_error(studies, study_of):
    """The figure compares sizes of both."""
    other = study_of("course-shallow-network-sizes", optimizers=["sgd"], steps=2, seeds=1)
    with pytest.raises(ValueError, match="share no optimizer"):
        draw_errors(studies[0], other)


def test_an_added_optimizer_is_drawn_and_its_divergence_is_counted(study_of, drawn):
    """One with a rate far too large, in both suites: no median is finite, and no slope is claimed."""
    wild = [
        study_of(suite, steps=6, seeds=2, optimizers=["adam[learning_rate=0.01]", "sgd[learning_rate=1e9]"])
        for suite in ("course-shallow-network", "course-shallow-network-sizes")
    ]
    figure, picture = drawn(draw_errors, *wild)
    assert (
        "sgd[learning_rate=1000000000], 2 seeds: none is finite; 14 of 14 trials diverged." in picture.caption
    )
    assert picture.caption.count("the slope on log axes") == 1
    labels = [line.get_label().replace("\n", "") for line in figure.axes[0].get_lines()]
    assert "sgd[learning_rate=1000000000], median" in labels
