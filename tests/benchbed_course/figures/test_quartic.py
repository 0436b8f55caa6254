"""The figures of the quartic say what plain loops over the same draws find."""

import re

import numpy as np
import pytest
import torch

from benchbed.seeds import InstanceSeed
from benchbed_course.figures.quartic import draw_paths
from benchbed_course.figures.quartic_escape import exact_shares, trials_by_start
from benchbed_course.figures.quartic_shares import draw_escape
from benchbed_problems.quartic import ridge

pytestmark = pytest.mark.slow

STARTS, SEEDS, STEPS = (-1.0, 0.0, 0.5, 1.5), 20, 120


@pytest.fixture(scope="module")
def path(study_of):
    """A few seeds of the course's path."""
    return study_of("course-quartic", seeds=SEEDS, steps=STEPS)


@pytest.fixture(scope="module")
def scan(study_of):
    """A few seeds from a few starts."""
    problems = [f"quartic[start={start}, gradient_noise=4.5]" for start in STARTS]
    return study_of("course-quartic-scan", problems=problems, seeds=SEEDS, steps=STEPS)


def walk(start, noise, seed=None):
    """Run the course's loop in plain numbers, with the draws of a seed or without noise; return θ `[steps + 1]`."""
    draws = np.zeros(STEPS)
    if seed is not None:
        name = InstanceSeed(0, "quartic", "evaluation", seed)
        generator = torch.Generator().manual_seed(name.generator_seed("draws"))
        draws = (
            noise
            * torch.randn(1_000, 1, generator=generator, dtype=torch.float32)[:STEPS, 0].double().numpy()
        )
    theta = [start]
    for draw in draws:
        theta.append(theta[-1] - 0.05 * (4 * theta[-1] ** 3 - 6 * theta[-1] + 1 + draw))
    return np.array(theta)


def test_the_paths_are_those_of_the_plain_loop(path):
    """Gradient descent, and every seed of its stochastic form, step by step."""
    (row,) = trials_by_start(path)
    np.testing.assert_allclose(row.gd.path[:, 0], walk(1.5, 0), atol=1e-12)
    assert len(row.sgd) == SEEDS
    for trial in row.sgd:
        np.testing.assert_allclose(trial.path[:, 0], walk(1.5, 4.2, trial.seed), atol=1e-8)


def test_the_caption_of_the_paths_agrees_with_plain_loops(path, drawn, followed_lines):
    """Counted again over the plain loop's paths."""
    paths = np.array([walk(1.5, 4.2, seed) for seed in range(SEEDS)])
    inside = paths[:, -1] < ridge()
    assert 0 < inside.sum() < SEEDS
    figure, picture = drawn(draw_paths, path)
    assert f"ends at {walk(1.5, 0)[-1]:.4f} with a loss of −1.0702, in the local valley" in picture.caption
    assert f"{inside.sum()} of {SEEDS} seeds end in the global valley after {STEPS} steps" in picture.caption
    visited = (paths < ridge()).any(axis=1).sum()
    assert f"and {visited} have been left of the ridge at some step" in picture.caption
    first, other = inside.argmax(), (~inside).argmax()
    said = f"seed {first}, which ends in the global valley, and seed {other}, which ends in the local valley"
    assert said in picture.caption
    assert set(picture.files) == {"png", "svg", "gif"}
    assert followed_lines(picture) == 2 + 3
    _, by_step = figure.axes
    shown = {line.get_label(): line.get_ydata() for line in by_step.get_lines()}
    for seed in (first, other):
        np.testing.assert_allclose(shown[f"SGD, seed {seed}"], paths[seed], atol=1e-8)


def test_the_points_lie_on_the_curve(path, drawn):
    """θ⁴ − 3θ² + θ, for every line of the left panel."""
    figure, _ = drawn(draw_paths, path)
    lines = figure.axes[0].get_lines()
    assert len(lines) == 6
    for line in lines:
        x, y = (np.asarray(values, dtype=float) for values in line.get_data())
        np.testing.assert_allclose(y, x**4 - 3 * x**2 + x, atol=1e-12)


def test_the_caption_of_the_scan_agrees_with_plain_loops(scan, drawn):
    """Each start's share, counted again; gradient descent never leaves its valley."""
    ends = {start: np.array([walk(start, 4.5, seed)[-1] for seed in range(SEEDS)]) for start in STARTS}
    _, picture = drawn(draw_escape, scan)
    assert f"the valley it starts in from {len(STARTS)} of {len(STARTS)} starts" in picture.caption
    for start in (0.5, 1.5):
        share = 100 * (ends[start] < ridge()).mean()
        assert re.search(rf"{share:.1f} % from {start:g} \([0-9.]+ % to [0-9.]+ %\)", picture.caption)
    returned = sum((ends[start] > ridge()).sum() for start in (-1.0, 0.0))
    assert (
        f"Of the {2 * SEEDS} trials that start left of the ridge, {returned} end right of it"
        in picture.caption
    )
    assert "diverged" not in picture.caption


def test_every_start_is_drawn(scan, drawn):
    """Shares by start with intervals, gradient descent, and curves from the starts beyond the ridge."""
    figure, _ = drawn(draw_escape, scan)
    by_start, by_step = figure.axes
    gd = {line.get_label(): line for line in by_start.get_lines()}["GD"]
    assert gd.get_xdata().tolist() == list(STARTS)
    assert gd.get_ydata().tolist() == [1, 1, 0, 0]
    ((points, _, (bars,)),) = by_start.containers
    assert points.get_ydata().tolist() == [row.share for row in trials_by_start(scan)]
    for row, bar in zip(trials_by_start(scan), bars.get_segments(), strict=True):
        assert bar[:, 1] == pytest.approx(row.interval)
    assert [container.get_label() for container in by_step.containers] == ["SGD from 0.5", "SGD from 1.5"]
    for container, group in zip(by_step.containers, trials_by_start(scan)[2:], strict=True):
        points, _, (bars,) = container
        assert points.get_ydata()[-1] == group.share
        assert bars.get_segments()[-1][:, 1] == pytest.approx(group.interval)


def test_the_caption_reports_the_largest_deviation(scan, drawn):
    """Computed again over both starts and all checkpoints; the caption says that the starts share their noise."""
    _, picture = drawn(draw_escape, scan)
    assert "All starts see the same noise" in picture.caption
    grid, shares = exact_shares(0.05, 4.5, STEPS)
    largest = 0.0
    for start in (0.5, 1.5):
        paths = np.array([walk(start, 4.5, seed) for seed in range(SEEDS)])
        for step in trials_by_start(scan)[0].sgd[0].calls[1:].astype(int):
            exact = np.interp(start, grid, shares[step])
            if 1 / SEEDS <= exact <= 1 - 1 / SEEDS:
                error = np.sqrt(exact * (1 - exact) / SEEDS)
                largest = max(largest, abs((paths[:, step] < ridge()).mean() - exact) / error)
    assert f"right panel is {largest:.1f} standard errors" in picture.caption


def test_trials_that_diverge_are_counted(study_of, drawn):
    """With noise of 400 and a learning rate of 0.05 most of them diverge."""
    study = study_of("course-quartic", problems=["quartic[start=1.5, gradient_noise=400]"], seeds=4, steps=50)
    lost = sum(trial.status == "diverged" for row in trials_by_start(study) for trial in row.sgd)
    assert lost
    _, picture = drawn(draw_paths, study)
    assert f"{lost} of 4 trials diverged, and count as ending in no valley" in picture.caption
