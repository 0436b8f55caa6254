"""The figure of the deep network: its loss, its predictions and the diagonal."""

import functools
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

import benchbed_course
from benchbed_course.figures import polynomial_network
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.loss_history import loss_table
from benchbed_course.figures.polynomial_network import (
    draw_fit,
    explained,
    predictions,
    problem_of,
    relative_errors,
)
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow

SMALL = ["polynomial-network[dimension=3, samples=2000, hidden=[8, 8]]"]
STEPS = 60


@pytest.fixture(scope="module")
def study(study_of):
    """One small network from three starts."""
    return study_of("course-polynomial-network", problems=SMALL, engine="eager", steps=STEPS, seeds=3)


@pytest.fixture(scope="module")
def fit(study, drawn):
    """The figure, and its picture."""
    return drawn(draw_fit, study)


def between(values, form):
    """Format the lowest and the highest value."""
    return f"{min(values):{form}} to {max(values):{form}}"


def test_the_error_on_the_diagonal_is_the_metric(study, fit):
    """The engine measured it in float32 at the end of the trials; the caption has the same value."""
    problem, trials = problem_of(study), trials_of(study)
    data = problem.shared_data()
    found = predictions(problem, data, trials).diagonal
    errors = relative_errors(found, data.diagonal_y.squeeze(-1).numpy())
    measured = [trial.metrics["diagonal-error"] for trial in trials]
    np.testing.assert_allclose(errors, measured, rtol=1e-5)
    assert f"by a relative error of {between([100 * error for error in errors], '.1f')}%" in fit[1].caption


def test_the_variance_explained_is_that_of_the_test_loss(study, fit):
    """R² = 1 − 2 · loss / variance, from the metric of the trials."""
    y = problem_of(study).shared_data().test_y.numpy()
    shares = [1 - 2 * trial.metrics["test-loss"] / y.var() for trial in trials_of(study)]
    assert f"explains {between([100 * share for share in shares], '.2f')}% of the variance" in fit[1].caption
    values = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    assert explained(values, np.array([1.0, 2.0, 3.0])).tolist() == [1, 0]


def test_the_caption_describes_the_run(study, fit):
    """Sizes, steps, losses and the time of the steps."""
    caption, trials = fit[1].caption, trials_of(study)
    assert (
        "A network 3 → 8 → 8 → 1 (113 parameters) after 60 steps of adam at η = 0.001 on batches of 128"
        in caption
    )
    assert "from 2,000 samples, with 3 seeds (thick: the one of median loss)." in caption
    assert f"{between([trial.loss[0] for trial in trials], '.2g')} at the start and " in caption
    losses = f"and {between([trial.loss[-1] for trial in trials], '.1e')} at the end; that of the best"
    assert typeset(losses) in caption
    assert f"The steps took {sum(trial.wall_seconds for trial in trials):.1f} seconds" in caption


def test_the_caption_lists_the_loss_at_regular_steps(study, drawn, monkeypatch):
    """Of the trial of median loss, as lines of code; 60 steps are too few for the document's 5 000."""
    assert "    step" not in drawn(draw_fit, study)[1].caption
    monkeypatch.setattr(polynomial_network, "loss_table", functools.partial(loss_table, every=20))
    caption = drawn(draw_fit, study)[1].caption
    middle = sorted(trials_of(study), key=lambda trial: trial.loss[-1])[1]
    for step in (20, 40, 60):
        index = next(index for index, calls in enumerate(middle.calls) if calls >= step)
        assert f"    step {middle.calls[index]:>9,.0f}   loss {middle.loss[index]:.3e}\n" in caption


def test_all_seeds_are_drawn(study, fit):
    """Their losses, and their values on the diagonal with p."""
    losses, _, diagonal = fit[0].axes
    curves = [line.get_ydata() for line in losses.get_lines()]
    assert all(any(np.array_equal(curve, trial.loss) for curve in curves) for trial in trials_of(study))
    assert len(curves) == 3 + 1
    assert len(diagonal.get_lines()) == 3 + 1


def test_the_scatter_shows_data_and_predictions(study, fit):
    """For the trial of median loss, in float64."""
    problem, trials = problem_of(study), trials_of(study)
    data = problem.shared_data()
    middle = sorted(trials, key=lambda trial: trial.loss[-1])[1]
    seen, unseen, line = fit[0].axes[1].get_lines()
    for points, x, y in ((seen, data.x[:1500], data.y[:1500]), (unseen, data.test_x, data.test_y)):
        assert torch.equal(torch.as_tensor(points.get_xdata()), y.squeeze(-1))
        predicted = problem.predict(torch.tensor(middle.theta), x).numpy()
        np.testing.assert_allclose(points.get_ydata(), predicted, rtol=1e-12, atol=1e-14)
    assert list(line.get_xdata()) == list(line.get_ydata())


def test_the_diagonal_is_the_polynomial(fit, study):
    """p(z) itself, from the roots of the data."""
    roots = torch.randn(5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).numpy()
    lines = {line.get_label(): line for line in fit[0].axes[2].get_lines()}
    z = np.asarray(lines["p(z)"].get_xdata())
    np.testing.assert_allclose(
        np.asarray(lines["p(z)"].get_ydata()).squeeze(),
        np.prod(z[:, None] - roots, axis=1),
        rtol=1e-12,
        atol=1e-14,
    )
    assert (z[0], z[-1]) == (-1, 1)


def test_the_caption_counts_diverged_trials(study_of, drawn):
    """At a learning rate far too large."""
    wild = study_of(
        "course-polynomial-network",
        problems=SMALL,
        optimizers=["sgd[learning_rate=1e9]"],
        engine="eager",
        steps=6,
        seeds=2,
    )
    assert "2 of 2 trials diverged (red)." in drawn(draw_fit, wild)[1].caption


def test_a_trial_without_a_result_is_an_error(study_of):
    """A step of gradient descent costs more than a budget of one call."""
    skipped = study_of("course-polynomial-network", problems=SMALL, optimizers=["gd"], steps=1, seeds=1)
    with pytest.raises(ValueError, match="has no result to draw"):
        draw_fit(skipped)


def test_the_full_suite_trains_as_the_course_does():
    """300 000 steps from four starts; everything else is as in the shorter one."""
    folder = Path(benchbed_course.__file__).parent / "suites"
    names = ("course-polynomial-network", "course-polynomial-network-full")
    short, full = (tomllib.loads((folder / f"{name}.toml").read_text()) for name in names)
    assert (short["steps"], short["optimizers"]) == (20_000, ["adam[learning_rate=0.001]"])
    assert full == short | {"name": names[1], "steps": 300_000, "seeds": 4}
