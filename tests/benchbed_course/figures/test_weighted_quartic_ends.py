"""Where seven optimizers end: every coordinate of every trial, and what the captions say of them."""

import numpy as np
import pytest

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.noise_response import noise_response
from benchbed_course.figures.trials import trials_of
from benchbed_course.figures.weighted_quartic import labelled_trials
from benchbed_course.figures.weighted_quartic_ends import draw_ends, farthest, in_global_valley
from benchbed_problems.quartic import lowest_point, ridge

pytestmark = pytest.mark.slow

OPTIMIZERS = ["gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]


@pytest.fixture(scope="module")
def exact(study_of):
    """The beginning of the course's run without noise."""
    return study_of("course-weighted-quartic-exact", steps=60)


@pytest.fixture(scope="module")
def noisy(study_of):
    """A short run under so much noise that some coordinates change their valley."""
    problems = ["weighted-quartic[start=2, gradient_noise=30]"]
    return study_of("course-weighted-quartic", problems=problems, steps=60, seeds=3, engine="eager")


def ends_of(study, name):
    """Give the final coordinates of an optimizer's trials, [seeds, 10], by seed."""
    rows = study.trials[study.trials["optimizer"].str.partition("[")[0] == name].sort_values("seed")
    return np.stack(list(rows["final_theta"]))


def points_of(axes):
    """Give all markers of a panel, [markers, 2]."""
    lines = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    return np.concatenate([np.stack(line.get_data(), axis=1) for line in lines])


def test_every_coordinate_of_every_trial_is_drawn(noisy, drawn):
    """Each in the room of its coordinate, the optimizers beside each other in their order."""
    figure, picture = drawn(draw_ends, noisy)
    (axes,) = figure.axes
    points = points_of(axes)
    expected = [ends_of(noisy, name) for name in OPTIMIZERS]
    assert [len(ends) for ends in expected] == [1, *[3] * 6]
    np.testing.assert_array_equal(np.sort(points[:, 1]), np.sort(np.concatenate(expected).ravel()))
    for coordinate in range(10):
        room = points[np.abs(points[:, 0] - coordinate) < 0.5]
        columns = [set(room[room[:, 0] == column, 1]) for column in np.unique(room[:, 0])]
        assert columns == [set(ends[:, coordinate]) for ends in expected]
    assert set(picture.files) == {"png", "svg"}


def test_the_caption_under_noise_agrees_with_the_trials(noisy, drawn):
    """Coordinates left of the ridge, as a mean over the seeds; the spread of the lightest and of the heaviest."""
    _, picture = drawn(draw_ends, noisy)
    counts = {name: (ends_of(noisy, name) < ridge()).sum(axis=1).mean() for name in OPTIMIZERS}
    assert counts["sgd"] > counts["gd"] == 0
    said = ", ".join(f"{name} {count:.3g}" for name, count in counts.items())
    assert f"optimum (mean over the seeds): {said}." in picture.caption
    spread = ends_of(noisy, "sgd").std(axis=0)
    assert f"{spread[0]:.2f} for θ₁ (w = 0.002) and {spread[9]:.2f} for θ₁₀ (w = 0.198)" in picture.caption
    responses = {name: noise_response(trials[0], 30.0) for name, trials in labelled_trials(noisy).items()}
    assert (
        f"a step of RMSProp is {responses['sgd'].step / responses['rmsprop'].step:.1f} times"
        in picture.caption
    )
    assert f"{responses['sgd'].drift / responses['adam'].drift:.1f} times less with Adam" in picture.caption
    slope = max(
        labelled_trials(noisy)[name][0].gradient_norm[-1] for name in ("sgd", "rmsprop", "adam")
    ) / np.sqrt(10)
    assert slope < 15
    assert (
        f"which here are mostly noise: at the end the gradient without noise has at most {slope:.2g}"
        in picture.caption
    )


def test_the_caption_without_noise_agrees_with_plain_loops(exact, drawn):
    """Distances from the optimum, differences between coordinates, and where the decay leads."""
    figure, picture = drawn(draw_ends, exact)
    ends = {name: ends_of(exact, name)[0] for name in OPTIMIZERS}
    far = ", ".join(f"{name} {np.abs(end - lowest_point()).max():.2g}" for name, end in ends.items())
    assert typeset(f"Largest distance of a coordinate from the optimum: {far}.") in picture.caption
    alike = ", ".join(f"{name} {end.max() - end.min():.1g}" for name, end in ends.items())
    assert (
        typeset(f"Largest difference between two final coordinates of a trial: {alike}.") in picture.caption
    )
    means = typeset(f"is {ends['adamw'].mean():.4f}, that of Adam's {ends['adam'].mean():.4f};")
    assert means in picture.caption
    _, distances = figure.axes
    expected = np.abs(np.concatenate(list(ends.values())) - lowest_point())
    np.testing.assert_array_equal(np.sort(points_of(distances)[:, 1]), np.sort(expected))


def test_little_noise_is_not_called_most_of_the_gradient(study_of, drawn):
    """With noise of 0.01 a step of RMSProp is longer than one of sgd, as its ratio says."""
    problems = ["weighted-quartic[start=2, gradient_noise=0.01]"]
    study = study_of("course-weighted-quartic", problems=problems, steps=20, seeds=2, engine="eager")
    _, picture = drawn(draw_ends, study)
    assert "mostly noise" not in picture.caption
    assert "times longer than a step of sgd" in picture.caption
    assert "times shorter than a step of sgd" not in picture.caption


def test_coordinates_are_said_to_move_alike_only_if_they_do(study_of, drawn):
    """The claim holds for the course's run, and not if ε takes the place of the gradients' size."""
    _, picture = drawn(draw_ends, study_of("course-weighted-quartic-exact", steps=400))
    assert "light coordinates are slow; with it (rmsprop, adam), all move alike." in picture.caption
    optimizers = [
        "gd[learning_rate=0.01]",
        "rmsprop[learning_rate=10, epsilon=1000]",
        "adam[learning_rate=10, epsilon=1000]",
        "adamw[learning_rate=10, epsilon=1000]",
    ]
    _, picture = drawn(draw_ends, study_of("course-weighted-quartic-exact", steps=50, optimizers=optimizers))
    assert "move alike" not in picture.caption


def test_the_optimum_is_marked(exact, noisy, drawn):
    """And under noise the local minimum, at which gd ends."""
    for study, labels in ((exact, ["optimum"]), (noisy, ["optimum", "local minimum"])):
        figure, _ = drawn(draw_ends, study)
        lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
        assert [label for label in lines if label in ("optimum", "local minimum")] == labels
        assert set(lines["optimum"].get_ydata()) == {lowest_point()}


def test_diverged_trials_are_marked_at_the_edge_and_counted(study_of, drawn):
    """No axis is stretched for it, and it is in no valley."""
    optimizers = [f"{name}[learning_rate=0.01]" for name in ("rmsprop", "adam", "adamw")]
    optimizers.insert(0, "gd[learning_rate=2]")
    study = study_of("course-weighted-quartic-exact", steps=30, optimizers=optimizers)
    lost = trials_of(study)[0]
    assert lost.status == "diverged"
    assert in_global_valley(lost) == 0
    figure, picture = drawn(draw_ends, study)
    assert "Diverged: 1 of 1 trials of gd." in picture.caption
    low, high = figure.axes[0].get_ylim()
    assert high - low < 5
    assert sum(line.get_color() == (0.70, 0.15, 0.12) for line in figure.axes[0].get_lines()) == 1


def test_the_farthest_coordinate_is_the_lightest_of_gradient_descent(exact):
    """Its slope is the smallest, so that it is nearest to the start at −3."""
    gd = [trial for trial in trials_of(exact) if trial.name == "gd"]
    assert farthest(gd) == abs(gd[0].theta[0] - lowest_point())
    assert in_global_valley(gd[0]) == 10
