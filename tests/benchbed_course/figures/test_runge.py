"""The figures of the polynomial fits say what the study and the closed form hold."""

import numpy as np
import pytest

from benchbed.interfaces import Optimizer
from benchbed_course.figures import runge
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.least_squares import closed_form, median
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow

SIZES = (2, 4, 8)


@pytest.fixture(scope="module")
def study(study_of):
    """Fits to four samples, with three seeds and few steps."""
    problems = [f"runge[features={size}, samples=4, basis=chebyshev]" for size in SIZES]
    return study_of("course-runge", problems=problems, steps=30, seeds=3)


def test_the_threshold_is_marked_and_every_seed_is_drawn(study, drawn):
    """Two panels, each with train and test losses of three seeds and their medians, and the threshold."""
    figure, picture = drawn(runge.draw_threshold, study)
    assert len(figure.axes) == 2
    for axes, basis in zip(figure.axes, runge.BASES, strict=True):
        *curves, mark = axes.get_lines()
        assert len(curves) == 2 * (3 + 1)
        assert list(mark.get_xdata()) == [4, 4]
        losses = closed_form(study.plan, basis)
        np.testing.assert_array_equal(curves[-1].get_ydata(), median(losses.test))
        np.testing.assert_array_equal([curve.get_ydata() for curve in curves[4:7]], losses.test.T)
        low, high = axes.get_ylim()
        assert losses.test.max() < high
        assert low < losses.train[2].min()
    assert set(picture.files) == {"png", "svg"}


def test_the_caption_of_the_threshold_counts_the_peaks(study):
    """Against the losses themselves, seed by seed."""
    caption = runge.draw_threshold(study).caption
    test, monomial = closed_form(study.plan, "chebyshev").test, closed_form(study.plan, "monomial").test
    peaks = test.argmax(0) + 1
    for size in set(peaks.tolist()):
        assert f"d = {size} in {sum(peaks == size)}" in caption
    median_losses = (
        f"{sorted(test[3])[1]:.1e} at d = 4, and comes down to {sorted(test[-1])[1]:.2g} at d = 8."
    )
    assert typeset(median_losses) in caption
    beyond = sum(monomial[4:].max(0) > monomial[3])
    assert f"in {beyond} of 3 seeds the largest test loss lies beyond the threshold" in caption


def test_trained_losses_are_drawn_and_listed(study, drawn):
    """Medians of the test losses that the trials ended with, for each optimizer and size."""
    figure, picture = drawn(runge.draw_training, study)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    for name, rate in (("gd", 0.1), ("adam", 0.01)):
        rows = [row for row in study.trials.to_dict("records") if row["optimizer"] == name]
        ends = [
            sorted(dict(r["metrics"])["test-loss"] for r in rows if len(r["final_theta"]) == d) for d in SIZES
        ]
        medians = [values[1] for values in ends]
        line = lines[f"{name}, η = {rate}, 30 steps"]
        assert list(line.get_xdata()) == list(SIZES)
        np.testing.assert_array_equal(line.get_ydata(), medians)
        assert line.get_linestyle() == "None"  # sizes in between were not trained
        listed = ", ".join(f"{value:.2g} (d = {d})" for value, d in zip(medians, SIZES, strict=True))
        assert typeset(f"after 30 steps its medians are {listed}.") in picture.caption


def test_gradient_descent_follows_the_theory_of_early_stopping(study):
    """Its ends equal the closed form up to rounding; those of another optimizer do not."""
    trials = trials_of(study)
    assert runge.departure(study, [trial for trial in trials if trial.name == "gd"]) < 1e-12
    assert runge.departure(study, [trial for trial in trials if trial.name == "adam"]) > 1e-3


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((1.0, 2.1, 1.0), "shows a peak at the threshold"),
        ((1.0, 1.9, 1.0), "shows no such peak"),
        ((1.0, 9, 5), "shows no such peak"),
    ],
)
def test_a_peak_is_called_so_only_where_there_is_one(study, values, verdict):
    """It is at the threshold, and more than twice the loss at either end."""
    of_size = dict(zip(SIZES, values, strict=True))
    trials = [
        trial._replace(metrics={"test-loss": of_size[len(trial.theta)]})
        for trial in trials_of(study)
        if trial.name == "adam"
    ]
    assert runge.verdict(trials, threshold=4, closed=1e3).startswith(verdict)


def test_an_optimizer_without_a_result_at_the_threshold_is_drawn(study_of, drawn):
    """It fails with four parameters only; its medians at the other sizes are listed."""

    def mine():
        def update(oracle, state, theta):
            if theta.shape[-1] == 4:
                raise RuntimeError("no step")
            return theta - 0.01 * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    problems = [f"runge[features={size}, samples=4, basis=chebyshev]" for size in SIZES]
    optimizers = ["gd[learning_rate=0.1]", ("mine", mine)]
    study = study_of("course-runge", problems=problems, optimizers=optimizers, steps=10, seeds=2)
    figure, picture = drawn(runge.draw_training, study)
    assert "mine, has no result at the threshold: after 10 steps its medians are" in picture.caption
    (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == "mine, 10 steps")
    assert list(line.get_xdata()) == [2, 8]


def test_early_stopping_is_said_to_regularize_only_if_it_does(study):
    """Gradient descent ends far below the closed form at the threshold; it would not with losses far above."""
    trials = trials_of(study)
    closed = median(closed_form(study.plan, "chebyshev").test)
    claim = "Early stopping regularizes"
    ends = [trial.metrics["test-loss"] for trial in trials if trial.name == "gd" and len(trial.theta) == 4]
    assert sorted(ends)[1] < closed[3] / runge.PEAK
    assert claim in " ".join(runge._training_caption(study, trials, closed, closed))
    worse = [trial._replace(metrics={"test-loss": 1e9}) for trial in trials]
    assert claim not in " ".join(runge._training_caption(study, worse, closed, closed))


def test_a_closed_form_without_a_peak_does_not_come_down(study):
    """Losses that stay above half of those at the threshold are said to be there still."""
    losses = closed_form(study.plan, "chebyshev")
    assert "and comes down to" in " ".join(runge._threshold_caption(losses, losses, 4))
    flat = losses._replace(test=np.ones_like(losses.test), train=np.ones_like(losses.train))
    caption = " ".join(runge._threshold_caption(flat, losses, 4))
    assert "and is still 1 at d = 8. With monomials it comes down again" in caption
    assert "and at most 1 from d = 4 on" in caption
