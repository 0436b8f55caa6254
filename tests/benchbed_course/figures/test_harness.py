"""The harness in three lines: its code, its curves and its caption, against plain loops."""

import numpy as np
import pytest

from benchbed_course.figures import harness
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.harness import LINES, STEPS, draw_minima, evaluations, measure, plain_adam

pytestmark = pytest.mark.slow

OPTIMIZERS = ["gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
LOWEST = -1.3008395659415772


@pytest.fixture(scope="module")
def measured():
    """The beginning of the measurement, as far as RMSProp needs to meet the tolerance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "STEPS", 240)
        return measure()


def test_the_three_lines_run_as_the_caption_shows_them(measured, drawn):
    """Executed from the caption itself, without any other name: the losses of adam, with all steps spent."""
    _, picture = drawn(draw_minima, measured)
    lines = [line.strip() for line in picture.caption.splitlines() if line.startswith("    ")]
    assert lines == list(LINES)
    names = {}
    exec("\n".join(lines), names)
    minimum = names["minimum"]
    assert (minimum.status, minimum.steps) == ("exhausted", STEPS)
    adam = measured["minima"]["adam"]
    np.testing.assert_allclose(minimum.losses[:240], adam["losses"], rtol=0, atol=1e-13)


def test_the_plain_loop_is_adam_as_the_course_writes_it(measured):
    """Computed with NumPy from the update rule: losses, gradient norms and the end."""
    weights = np.linspace(1, 100, 10) / 505
    theta, m, v = np.full(10, -3.0), np.zeros(10), np.zeros(10)
    losses, norms = [], []
    for t in range(1, 241):
        gradient = weights * (4 * theta**3 - 6 * theta + 1)
        losses.append((weights * (theta**4 - 3 * theta**2 + theta)).sum())
        norms.append(np.linalg.norm(gradient))
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        theta = theta - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    for loop in (measured["plain"], measured["minima"]["adam"]):
        np.testing.assert_allclose(loop["losses"], losses, rtol=0, atol=1e-11)
        np.testing.assert_allclose(loop["gradient_norms"], norms, rtol=0, atol=1e-11)
        np.testing.assert_allclose(loop["theta"], theta, rtol=0, atol=1e-11)


def test_the_plain_loop_stops_at_the_tolerance(monkeypatch):
    """One evaluation is enough if the start already meets it."""
    monkeypatch.setattr(harness, "TOLERANCE", 100.0)
    assert len(plain_adam(5)["losses"]) == 1


def test_the_caption_reports_reasons_and_final_values(measured, drawn):
    """RMSProp by the tolerance, the others by the steps; losses above the value at the minimizer."""
    _, picture = drawn(draw_minima, measured)
    others = ", ".join(name for name in OPTIMIZERS if name != "rmsprop")
    assert f"{others}: exhausted, as all 240 evaluations are spent after 240 steps" in picture.caption
    assert "rmsprop: converged, as the gradient's norm is at most 10⁻⁶ after 237 steps" in picture.caption
    best = LOWEST**4 - 3 * LOWEST**2 + LOWEST
    for name in OPTIMIZERS:
        minimum = measured["minima"][name]
        end = typeset(f"{name} {minimum['loss'] - best:.2g} ({minimum['gradient_norm']:.2g})")
        assert end in picture.caption
    assert (
        "Over 240 evaluations the losses of adam and of a plain loop with torch.optim.Adam differ by at most"
        in picture.caption
    )


def test_every_optimizer_has_its_curve_and_its_stop(measured, drawn):
    """Curves from the start to the end; a cross where the tolerance stopped, a bar where the steps were spent."""
    figure, _ = drawn(draw_minima, measured)
    for axes in figure.axes:
        curves = {line.get_label(): line for line in axes.get_lines() if line.get_label() in OPTIMIZERS}
        assert [*curves] == OPTIMIZERS
        markers = [line.get_marker() for line in axes.get_lines() if len(line.get_xdata()) == 1]
        assert markers == ["X" if name == "rmsprop" else "|" for name in OPTIMIZERS]
        assert len(curves["adam"].get_xdata()) == 241
        assert len(curves["rmsprop"].get_xdata()) == 238
    assert curves["rmsprop"].get_ydata()[-1] <= 1e-6 < curves["rmsprop"].get_ydata()[-2]


def test_the_last_value_is_that_of_the_answer():
    """With all steps spent the final value is not among the evaluations; after a stop by the tolerance it is."""
    assert evaluations({"losses": [3, 2], "loss": 1, "steps": 2}, "losses", "loss").tolist() == [3, 2, 1]
    assert evaluations({"losses": [3, 2, 1], "loss": 1, "steps": 2}, "losses", "loss").tolist() == [3, 2, 1]


def test_the_caption_reports_turning_back_and_divergence(measured, drawn):
    """A loss that came close to the optimum and left it; and one that diverged, in the colour for that."""
    minima, best = dict(measured["minima"]), measured["minima"]["rmsprop"]["loss"]
    minima["adamw"] = minima["adamw"] | {
        "losses": [best + 1, best + 1e-3, *[best + 1] * 238],
        "loss": best + 1,
    }
    lost = {"status": "diverged", "reason": "the loss has risen from 54 to 1e+09 after 2 steps", "steps": 2}
    curves = {"losses": [54.0, 1e4, 1e9], "gradient_norms": [1.0, 1e2, 1e5], "loss": 1e9}
    minima["gd"] = minima["gd"] | lost | curves
    figure, picture = drawn(draw_minima, measured | {"minima": minima})
    assert "On its way adamw was as close as 0.001, after 1 step." in picture.caption
    assert picture.caption.count("On its way") == 1
    assert "gd: diverged, as the loss has risen from 54 to 10⁹ after 2 steps" in picture.caption
    assert figure.axes[0].get_lines()[0].get_color() == (0.70, 0.15, 0.12)
