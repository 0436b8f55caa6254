"""The path over the loss surface: where it gets in the course's steps, and in enough of them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from benchbed.seeds import InstanceSeed
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.linear_regression import COLOR, FRAMES, PIXELS, draw_path, estimate_of
from benchbed_course.figures.trials import trials_of
from benchbed_problems.linear_regression import LinearRegression

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(study_of):
    """The course's own run, which is small."""
    return study_of("course-linear-regression")


@pytest.fixture(scope="module")
def longer(study_of):
    """The run that meets the tolerance."""
    return study_of("course-linear-regression-long")


@pytest.fixture(scope="module")
def drawing(course, longer, drawn):
    """The figure and its picture."""
    return drawn(draw_path, course, longer)


def data_of_seed_0():
    """Draw the observations of the first evaluation instance."""
    seed = InstanceSeed(0, "linear-regression", "evaluation", 0).generator_seed("data")
    x, y = LinearRegression().make_data(torch.Generator().manual_seed(seed))
    return x.numpy(), y.numpy()


def descended(steps):
    """Run the course's own loop, from 0: path [steps + 1, 2] and gradient norms of its points."""
    x, y = data_of_seed_0()
    design = np.stack([x, np.ones_like(x)], axis=1)
    theta, path, norms = np.zeros(2), [], []
    for _ in range(steps + 1):
        gradient = design.T @ (design @ theta - y) / len(x)
        path.append(theta)
        norms.append(np.linalg.norm(gradient))
        theta = theta - 0.01 * gradient
    return np.array(path), np.array(norms)


def test_the_course_stops_on_its_way_and_the_tolerance_is_met_later(course, longer):
    """Both are the course's loop, step by step; 100 steps leave more than a third of the way."""
    (short,), (long,) = trials_of(course), trials_of(longer)
    path, norms = descended(long.steps)
    np.testing.assert_allclose(short.path, path[:101], atol=1e-12)
    np.testing.assert_allclose(long.path, path, atol=1e-12)
    assert (short.status, short.steps, long.status) == ("exhausted", 100, "converged")
    assert norms[-1] <= 1e-4 < norms[-2]
    estimate = estimate_of(course)
    assert (np.abs((short.theta - estimate) / estimate) > 1 / 3).all()
    assert np.linalg.norm(long.theta - estimate) < 2e-4  # ‖∇L‖ over the least curvature, which is about 1


def test_the_caption_agrees_with_independent_computations(drawing):
    """Against NumPy's least squares and the course's loop."""
    x, y = data_of_seed_0()
    design = np.stack([x, np.ones_like(x)], axis=1)
    (w, b), (residual,), *_ = np.linalg.lstsq(design, y)
    _, picture = drawing
    path, norms = descended(1500)
    met = int(np.argmax(norms <= 1e-4))
    assert f"least squares gives ({w:.4f}, {b:.4f}) (star)" in picture.caption
    assert f"100 steps at η = 0.01 end at ({path[100, 0]:.4f}, {path[100, 1]:.4f})" in picture.caption
    left = 1 - path[100] / (w, b)
    assert (
        f"{left[0]:.0%} of the way left in w and {left[1]:.0%} in b (a curvature of 1 leaves 37%)"
        in picture.caption
    )
    assert f"a gradient norm of {norms[100]:.2g} and" in picture.caption
    assert f"against {residual / 200:.4f} at the star" in picture.caption
    norm = typeset(f"{norms[met]:.2g}")
    assert f"norm is {norm} after {met:,} steps (converged): with {met / 100:.1f} times" in picture.caption
    distance = typeset(f"{np.linalg.norm(path[met] - (w, b)):.1e}")
    assert f"at a distance of {distance} in (w, b) from the closed form." in picture.caption


def test_the_surface_is_the_loss_and_contains_the_path(drawing):
    """Three corner pixels agree with the formula; both paths and both marks are drawn."""
    figure, _ = drawing
    surface, end, norms = figure.axes[:3]
    x, y = data_of_seed_0()
    for axes in (surface, end):
        (image,) = axes.get_images()
        pixels = image.get_array()
        assert pixels.shape == (PIXELS, PIXELS)
        left, right, bottom, top = image.get_extent()
        for row, column, w, b in ((0, 0, left, bottom), (-1, 0, left, top), (0, -1, right, bottom)):
            assert pixels[row, column] == pytest.approx(0.5 * np.mean((w * x + b - y) ** 2), rel=1e-12)
        labels = [line.get_label() for line in axes.get_lines()]
        assert labels == ["1,011 steps", "100 steps", "true parameters", "least squares"]
    (low, high), (bottom, top) = surface.get_xlim(), surface.get_ylim()
    long, short = (line.get_xydata() for line in surface.get_lines()[:2])
    assert ((long > (low, bottom)) & (long < (high, top))).all()
    np.testing.assert_array_equal(short, long[:101])
    assert norms.get_lines()[0].get_ydata()[-1] <= 1e-4 == norms.get_lines()[2].get_ydata()[0]


def test_the_animation_traces_the_path_and_stays_small(drawing):
    """From the start to the end, in frames that differ, below 200 kB."""
    _, picture = drawing
    assert set(picture.files) == {"png", "svg", "gif"}
    assert len(picture.files["gif"]) < 200_000
    with Image.open(io.BytesIO(picture.files["gif"])) as gif:
        assert gif.n_frames == 2 * FRAMES + 1
        gif.seek(0)
        first = np.asarray(gif.convert("RGB"))
        gif.seek(FRAMES)
        assert (np.asarray(gif.convert("RGB")) != first).any()


def test_all_frames_of_the_animation_share_one_palette(drawing):
    """The head of the path has its colour from the first frame on."""
    blue = np.round(255 * np.array(COLOR))
    with Image.open(io.BytesIO(drawing[1].files["gif"])) as gif:
        palettes = set()
        for frame in range(gif.n_frames):
            gif.seek(frame)
            pixels = np.asarray(gif.convert("RGB")).reshape(-1, 3).astype(float)
            assert (np.abs(pixels - blue).max(axis=1) <= 25).any()  # 256 colours are few
            palettes.add(bytes(gif.global_palette.getdata()[1]))
    assert len(palettes) == 1


def test_added_optimizers_move_too(study_of, animated):
    """Each to its own end; the frames reach to that of the slowest."""
    optimizers = ["gd[learning_rate=0.01]", "momentum[learning_rate=0.005]"]
    changes = {"optimizers": optimizers, "steps": 300}
    course, longer = (
        study_of("course-linear-regression", **changes),
        study_of("course-linear-regression-long", **changes),
    )
    figure, show, steps, _ = animated(draw_path, course, longer)
    gd, momentum = trials_of(longer)
    assert steps[-1] == max(gd.steps, momentum.steps)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    for step in (0, 40, steps[-1]):
        show(step)
        for label, trial in (("gradient descent", gd), (optimizers[1], momentum)):
            np.testing.assert_array_equal(lines[label].get_xydata(), trial.path[: step + 1])
        loss = gd.loss[min(step, gd.steps)]
        assert figure.axes[0].get_title() == f"step {step}: loss of gradient descent {loss:.4f}"


def test_the_legend_names_gradient_descent_beside_others(course, longer, study_of, drawn):
    """Alone, its numbers of steps suffice."""
    figure, _ = drawn(draw_path, course, longer)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert {"100 steps", "1,011 steps"} <= set(texts)
    optimizers = ["gd[learning_rate=0.01]", "momentum[learning_rate=0.005]"]
    figure, _ = drawn(
        draw_path, *(study_of(study.plan.name, optimizers=optimizers) for study in (course, longer))
    )
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"gradient descent, 100 steps", "gradient descent, 1,011 steps"} <= set(texts)


def test_the_background_of_the_animation_is_white(drawing):
    """To the eye, although the palette has few colours."""
    with Image.open(io.BytesIO(drawing[1].files["gif"])) as gif:
        assert gif.convert("RGB").getpixel((2, 2)) >= (254, 254, 254)
