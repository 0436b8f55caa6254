"""The figures of the shallow network: fits, breakpoints and activations."""

import numpy as np
import pytest
from matplotlib.lines import Line2D

from benchbed_course.figures.breakpoints import bent_interval, better, median_loss, network_trials
from benchbed_course.figures.canvas import LOST, OTHERS, typeset
from benchbed_course.figures.shallow_network import draw_activations, draw_breakpoints

pytestmark = pytest.mark.slow

SEEDS, STEPS = 3, 30
SIZES = (15, 30, 100)
ACTIVATIONS = ("relu", "gelu", "tanh", "silu")


@pytest.fixture(scope="module")
def study(study_of):
    """The suite of the course, with fewer steps and seeds."""
    return study_of("course-shallow-network", steps=STEPS, seeds=SEEDS)


@pytest.fixture(scope="module")
def breakpoints(study, drawn):
    """The figure of the breakpoints, and its picture."""
    return drawn(draw_breakpoints, study)


@pytest.fixture(scope="module")
def activations(study, drawn):
    """The figure of the activations, and its picture."""
    return drawn(draw_activations, study)


def test_the_caption_counts_the_breakpoints(study, breakpoints):
    """Counted again from the stored parameters: in [0, 1], and in the shaded part of it."""
    low, high = bent_interval()
    for group, hidden in zip([g for g in network_trials(study) if g.rate == 0.01], SIZES, strict=False):
        theta = np.stack([trial.theta for trial in group.trials])
        places = -theta[:, hidden : 2 * hidden] / theta[:, :hidden]
        inside = places[(places >= 0) & (places <= 1)]
        share = ((inside >= low) & (inside <= high)).mean()
        middle = sorted(trial.loss[-1] for trial in group.trials)[1]
        expected = f"{hidden} units: median loss {middle:.1e}, {inside.size} of {SEEDS * hidden} breakpoints in [0, 1]"
        assert typeset(expected) in breakpoints[1].caption
        assert f"of which the shaded part contains {share:.0%} (at the start" in breakpoints[1].caption


def test_a_panel_shows_every_fit_and_the_target(breakpoints):
    """All seeds, the target and the breakpoints of one; below, the histogram of all and the theory."""
    figure, picture = breakpoints
    above, below = figure.axes[:3], figure.axes[3:]
    assert [axes.get_title("left").split(",")[0] for axes in above] == [f"{hidden} units" for hidden in SIZES]
    assert [len(axes.get_lines()) for axes in above] == [SEEDS + 2] * 3
    assert [len(axes.get_lines()) for axes in below] == [1] * 3
    assert len({axes.get_ylim() for axes in below}) == 1
    assert set(picture.files) == {"png", "svg"}


def test_the_legend_names_the_other_seeds_whichever_is_shown(study, drawn):
    """Also where the trial of median loss is the first or the last."""
    for figure, _ in (drawn(draw_breakpoints, study), drawn(draw_activations, study)):
        for axes in figure.axes[: len(figure.axes) // 2]:
            assert [line.get_label() for line in axes.get_lines()].count(f"the other {SEEDS - 1} seeds") == 1


def test_no_two_entries_of_a_legend_look_alike(breakpoints, activations):
    """Colour, dashes, marker and kind of artist tell them apart."""
    for figure, _ in (breakpoints, activations):
        (legend,) = figure.legends
        styles = [
            (type(handle), handle.get_color(), handle.get_linestyle(), handle.get_marker())
            if isinstance(handle, Line2D)
            else (type(handle), handle.get_facecolor(), handle.get_edgecolor(), handle.get_fill())
            for handle in legend.legend_handles
        ]
        assert len(set(styles)) == len(styles)


def test_other_seeds_can_be_seen(activations):
    """Their contrast against white is at least 3 : 1, as WCAG asks of graphics."""
    channels = np.array(OTHERS)
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 3
    colors = [line.get_color() for line in activations[0].axes[0].get_lines()]
    assert colors.count(OTHERS) == SEEDS - 1


def test_the_histogram_contains_all_inner_breakpoints(study, breakpoints):
    """Its bars, times their width, sum up to one."""
    for axes in breakpoints[0].axes[3:]:
        bars = axes.containers[0]
        assert len(bars) == 21
        assert sum(bar.get_height() for bar in bars) / 21 == pytest.approx(1)


def test_every_activation_has_a_panel_of_fits_and_of_losses(study, activations):
    """Each at the better rate, which its title names; below, a curve for each rate."""
    figure, picture = activations
    assert len(figure.axes) == 8
    for axes, name in zip(figure.axes[:4], ACTIVATIONS, strict=True):
        rates = [g for g in network_trials(study) if g.problem.activation == name and g.problem.hidden == 30]
        assert axes.get_title("left") == f"{name}, η = {min(rates, key=median_loss).rate:g}"
        losses = f"{name} {median_loss(rates[0]):.1e} at η = 0.01, {median_loss(rates[1]):.1e} at η = 0.03"
        assert typeset(losses) in picture.caption
    assert [len(axes.get_lines()) for axes in figure.axes[4:]] == [2] * 4


def test_the_curve_is_the_median_of_the_seeds(study, activations):
    """At every checkpoint."""
    (relu,) = [g for g in network_trials(study) if g.problem == g.problem.__class__() and g.rate == 0.01]
    line = activations[0].axes[4].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), np.median([t.loss for t in relu.trials], axis=0))


def test_the_better_rate_has_the_lower_median(study):
    """An infinite loss is never better."""
    group = network_trials(study)[0]
    broken = group._replace(trials=[t._replace(loss=np.array([1.0, np.inf])) for t in group.trials], rate=3.0)
    assert better([broken, group]) is group


def test_diverged_trials_are_red_and_counted(study_of, drawn):
    """At a learning rate far too large."""
    wild = study_of(
        "course-shallow-network",
        problems=["shallow-network"],
        optimizers=["adam[learning_rate=1e9]"],
        steps=5,
        seeds=2,
    )
    figure, picture = drawn(draw_activations, wild)
    assert "2 of 2 trials diverged (red)." in picture.caption
    assert figure.axes[1].get_lines()[0].get_color() == LOST


def test_a_trial_without_a_result_is_an_error(study_of):
    """A step of gradient descent costs more than a budget of one call."""
    skipped = study_of("course-shallow-network", optimizers=["gd"], steps=1, seeds=1)
    with pytest.raises(ValueError, match="has no result to draw"):
        draw_breakpoints(skipped)
