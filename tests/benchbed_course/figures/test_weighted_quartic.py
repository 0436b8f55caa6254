"""The comparison of seven optimizers: its curves and its caption, against plain loops."""

import math

import numpy as np
import pytest
import torch

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.trials import trials_of
from benchbed_course.figures.weighted_quartic import (
    STOPPED,
    draw_curves,
    labelled_trials,
    local_gap,
    lower_median,
    settled,
)

pytestmark = pytest.mark.slow

WEIGHTS = torch.linspace(1, 100, 10, dtype=torch.float64) / torch.linspace(1, 100, 10).double().sum()
LOWEST = -1.3008395659415772
OPTIMIZERS = ["gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
STEPS = 300


@pytest.fixture(scope="module")
def exact(study_of):
    """The course's run without noise, as far as RMSProp needs to meet the tolerance."""
    return study_of("course-weighted-quartic-exact", steps=STEPS)


@pytest.fixture(scope="module")
def noisy(study_of):
    """The beginning of the course's run under noise, with a few seeds."""
    return study_of("course-weighted-quartic", steps=40, seeds=3, engine="eager")


def loss_of(theta):
    return (WEIGHTS * (theta**4 - 3 * theta**2 + theta)).sum()


def descended(make, steps, start=-3.0):
    """Take the course's loop by a torch.optim optimizer: final θ, losses and gradient norms by step."""
    theta = torch.full((10,), start, dtype=torch.float64, requires_grad=True)
    optimizer, losses, norms = make([theta]), [], []
    for step in range(steps + 1):
        optimizer.zero_grad()
        loss = loss_of(theta)
        loss.backward()
        losses.append(loss.item())
        norms.append(theta.grad.norm().item())
        if norms[-1] <= 1e-6 or step == steps:
            break
        optimizer.step()
    return theta.detach().numpy(), np.array(losses), np.array(norms)


LOOPS = {
    "gd": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.001, momentum=0.9),
    "nesterov": lambda parameters: torch.optim.SGD(parameters, lr=0.001, momentum=0.9, nesterov=True),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.01, alpha=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.01),
}


@pytest.mark.parametrize("name", LOOPS)
def test_the_trials_are_the_courses_loop(exact, name):
    """Losses, gradient norms, stop and end, by torch's own optimizers; near the end rounding is all that is left."""
    (trial,) = labelled_trials(exact)[name]
    theta, losses, norms = descended(LOOPS[name], STEPS)
    np.testing.assert_allclose(trial.loss, losses, atol=1e-10)
    np.testing.assert_allclose(trial.gradient_norm, norms, atol=1e-10)
    np.testing.assert_allclose(trial.theta, theta, atol=1e-10)
    assert trial.status == ("converged" if norms[-1] <= 1e-6 else "exhausted")


def test_the_caption_without_noise_agrees_with_plain_loops(exact, drawn):
    """The ends of the plain loops, RMSProp's stop, and that gd and sgd are one rule here."""
    _, picture = drawn(draw_curves, exact)
    assert "From −3 in every coordinate, with η = 0.01, without noise." in picture.caption
    best = float(loss_of(torch.full((10,), LOWEST, dtype=torch.float64)))
    ends, _, norms_there = picture.caption.partition("Norm of the gradient there: ")
    for name in ("gd", "momentum", "nesterov", "adam", "adamw"):
        _, losses, norms = descended(LOOPS[name], STEPS)
        assert typeset(f" {name} {losses[-1] - best:.3g}") in ends
        assert typeset(f"{name} {norms[-1]:.3g}") in norms_there
    _, losses, _ = descended(LOOPS["rmsprop"], STEPS)
    assert f"at most 10⁻⁶; this stops rmsprop after {len(losses) - 1} steps. The budget" in picture.caption
    assert "their paths are the same to the last bit" in picture.caption
    assert "diverged" not in picture.caption.casefold()


def test_the_caption_under_noise_agrees_with_the_trials(noisy, drawn):
    """The median and the range of the seeds, of the stored curves; gd has no noise and no range."""
    _, picture = drawn(draw_curves, noisy)
    assert "under gradient noise of standard deviation 4, which gd does not see" in picture.caption
    best = float(loss_of(torch.full((10,), LOWEST, dtype=torch.float64)))
    rows = noisy.trials
    for name in OPTIMIZERS:
        mine = rows["optimizer"].str.partition("[")[0] == name
        ends = np.sort(rows["final_objective"][mine].to_numpy()) - best
        assert len(ends) == (1 if name == "gd" else 3)
        spread = "" if name == "gd" else f" ({ends[0]:.2g} to {ends[-1]:.2g})"
        assert f" {name} {ends[len(ends) // 2]:.3g}{spread}" in picture.caption
    assert "this stops none. The budget is 40 steps." in picture.caption


def test_the_gap_of_the_local_minimum_is_the_closed_form(drawn):
    """ℓ(1.1309…) − ℓ(−1.3008…), by the cubic's roots in closed form."""
    places = [math.sqrt(2) * math.cos((math.acos(-math.sqrt(2) / 4) - 2 * math.pi * k) / 3) for k in (0, 2)]
    local, lowest = (float(loss_of(torch.full((10,), place, dtype=torch.float64))) for place in places)
    assert local_gap() == pytest.approx(local - lowest, abs=1e-12)


def test_ranges_of_the_seeds_are_drawn_beside_the_curves(noisy, drawn):
    """One bar for each optimizer with several seeds, from its lowest to its highest value at the end; no bands."""
    figure, _ = drawn(draw_curves, noisy)
    loss, norm = figure.axes
    assert not loss.collections
    bars = [line for line in norm.get_lines() if not line.get_clip_on()]
    for name, bar in zip(OPTIMIZERS[1:], bars, strict=True):
        ends = [trial.gradient_norm[-1] for trial in labelled_trials(noisy)[name]]
        assert list(bar.get_ydata()) == [min(ends), max(ends)]


def test_the_legend_explains_every_mark(exact, noisy, drawn):
    """Cross, dotted line and bars, where there are any."""
    for study, expected in (
        (exact, {"tolerance", STOPPED}),
        (noisy, {"tolerance", "all coordinates in the local minimum", "range of the seeds at the end"}),
    ):
        figure, _ = drawn(draw_curves, study)
        (legend,) = figure.legends
        assert {text.get_text() for text in legend.get_texts()} == {*OPTIMIZERS, *expected}


@pytest.mark.parametrize("study", ["exact", "noisy"])
def test_every_optimizer_has_a_curve_in_both_panels(request, study, drawn, followed_lines):
    """The loss above the optimum and the gradient norm, each under its name."""
    study = request.getfixturevalue(study)
    figure, picture = drawn(draw_curves, study)
    for axes in figure.axes:
        shown = {line.get_label(): line for line in axes.get_lines()}
        assert [name for name in shown if name in OPTIMIZERS] == OPTIMIZERS
    (gd,) = labelled_trials(study)["gd"]
    np.testing.assert_array_equal(shown["gd"].get_ydata(), gd.gradient_norm)
    assert set(picture.files) == {"png", "svg"}
    assert followed_lines(picture) == 2 * len(OPTIMIZERS)


def test_where_a_trial_stopped_it_stays(exact):
    """RMSProp's last loss stands until the longest trial ends."""
    trials = [trial for trial in trials_of(exact) if trial.name in ("rmsprop", "adam")]
    steps, values = settled(trials, lambda trial: trial.loss)
    assert steps.tolist() == list(range(STEPS + 1))
    rmsprop = trials[0]
    assert (values[0, rmsprop.steps :] == rmsprop.loss[-1]).all()
    np.testing.assert_array_equal(values[1], trials[1].loss)


def test_the_median_is_one_of_the_values():
    """Of four, the second smallest."""
    assert lower_median(np.array([[4.0, 1.0], [1.0, 2.0], [3.0, 3.0], [2.0, 4.0]])).tolist() == [2, 2]


def test_the_caption_reports_turning_back(study_of, drawn):
    """From −1.4 Adam's averages carry it past the optimum, as torch's own do; gradient descent only approaches."""
    problems = ["weighted-quartic[start=-1.4, gradient_noise=0]"]
    optimizers = [f"{name}[learning_rate=0.01]" for name in ("gd", "sgd", "adam")]
    study = study_of("course-weighted-quartic-exact", steps=25, problems=problems, optimizers=optimizers)
    _, losses, _ = descended(LOOPS["adam"], 25, start=-1.4)
    gap = losses - float(loss_of(torch.full((10,), LOWEST, dtype=torch.float64)))
    assert gap.min() < 0.1 * gap[-1]
    _, picture = drawn(draw_curves, study)
    assert (
        typeset(f"On its way adam was as close as {gap.min():.1g}, after {gap.argmin()} steps.")
        in picture.caption
    )
    assert picture.caption.count("On its way") == 1


def test_diverged_trials_are_drawn_and_counted(study_of, drawn):
    """From −3 a step of 2 throws gradient descent out; the others of the comparison stay."""
    optimizers = ["gd[learning_rate=2]", "sgd[learning_rate=0.01]", "adam[learning_rate=0.01]"]
    study = study_of("course-weighted-quartic-exact", steps=30, optimizers=optimizers)
    assert labelled_trials(study)["gd"][0].status == "diverged"
    figure, picture = drawn(draw_curves, study)
    assert "Diverged: 1 of 1 trials of gd." in picture.caption
    assert "their paths are not the same" in picture.caption
    assert any(line.get_color() == (0.70, 0.15, 0.12) for line in figure.axes[0].get_lines())


def test_the_slider_needs_steps_on_the_axis(study_of, drawn, followed_lines):
    """An added optimizer with two calls a step changes the axis to calls."""
    optimizers = ["gd[learning_rate=0.01]", "sgd[learning_rate=0.01]", "sam(sgd[learning_rate=0.01])"]
    study = study_of("course-weighted-quartic-exact", steps=30, optimizers=optimizers)
    figure, picture = drawn(draw_curves, study)
    assert {axes.get_xlabel() for axes in figure.axes} == {"gradient calls"}
    assert followed_lines(picture) == 0
