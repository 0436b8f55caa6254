"""phase-retrieval: both minima, the saddle between them, and the expected loss."""

import pytest
import torch

from benchbed_problems.phase_retrieval import PhaseRetrieval


def test_both_signs_attain_the_optimum(data_of):
    """The projections are squared."""
    problem = PhaseRetrieval()
    data = data_of(problem)
    for sign in (1, -1):
        assert problem.objective(sign * data.truth, data).item() == 0


def test_the_objective_is_near_its_expectation(data_of, points):
    """¼ E ((a·θ)² − (a·x)²)² = ¼ (3 ‖θ‖⁴ + 3 − 2 ‖θ‖² − 4 (θ·x)²) for ‖x‖ = 1, with 200 000 directions."""
    problem = PhaseRetrieval(dimension=3, samples=200_000)
    data = data_of(problem)
    for theta in 0.5 * points(problem, 4):
        square, overlap = theta.square().sum(), theta @ data.truth
        expected = 0.25 * (3 * square**2 + 3 - 2 * square - 4 * overlap**2)
        assert problem.objective(theta, data).item() == pytest.approx(expected.item(), rel=0.06)


def test_a_point_orthogonal_to_the_truth_is_near_a_saddle(data_of):
    """In expectation the gradient vanishes at ‖θ‖² = ⅓, θ ⊥ x, and curvature is negative along x only."""
    problem = PhaseRetrieval(dimension=3, samples=200_000)
    data = data_of(problem)
    direction = torch.linalg.cross(data.truth, torch.tensor([0.0, 0.0, 1.0]).double())
    saddle = direction / direction.norm() / 3**0.5
    hessian = torch.func.jacrev(torch.func.grad(lambda theta: problem.objective(theta, data)))(saddle)
    values = torch.linalg.eigvalsh(hessian)
    assert values[0] < -0.5
    assert values[1] > -0.1
    assert (data.truth @ hessian @ data.truth).item() == pytest.approx(values[0].item(), rel=0.05)


def test_random_starts_are_nearly_orthogonal_to_the_truth(generator, data_of):
    """Their overlap has mean 0 and variance 1/dimension, over 1 000 starts within four standard errors."""
    problem, source = PhaseRetrieval(), generator()
    overlaps = torch.stack([problem.make_start(source) @ data_of(problem).truth for _ in range(1_000)])
    assert abs(overlaps.mean().item()) < 4 * (1 / 50 / 1_000) ** 0.5
    assert overlaps.var().item() == pytest.approx(1 / 50, rel=4 * (2 / 1_000) ** 0.5)


def test_no_dimension_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="dimension is 0; must be at least 1"):
        PhaseRetrieval(dimension=0)
