"""quadratic: spectrum, rotation, invalid parameters."""

import pytest
import torch

from benchbed_problems.quadratic import Quadratic


def test_the_default_spectrum_is_the_courses():
    """Λ = diag(1, 100)."""
    assert Quadratic().spectrum == (1.0, 100.0)


def test_eigenvalues_are_evenly_spaced_on_a_log_scale():
    """The ends are exactly 1 and the condition number."""
    spectrum = Quadratic(dimension=4, condition_number=1000.0).spectrum
    assert (spectrum[0], spectrum[-1]) == (1.0, 1000.0)
    assert spectrum == pytest.approx((1, 10, 100, 1000), rel=1e-14)


def test_one_dimension_has_the_eigenvalue_one():
    """The condition number is 1."""
    assert Quadratic(dimension=1).spectrum == (1.0,)


def test_the_objective_is_half_the_weighted_square(data_of):
    """½ (1·2² + 100·2²) = 202 at the course's start."""
    problem = Quadratic(start=(2.0, 2.0))
    start = problem.make_start(torch.Generator())
    assert problem.objective(start, data_of(problem)).item() == 202


def test_the_rotation_is_orthogonal(data_of):
    """QᵀQ = 1."""
    rotation = data_of(Quadratic(dimension=6, rotated=True)).basis
    torch.testing.assert_close(rotation.mT @ rotation, torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-14)


def test_the_rotated_hessian_has_the_given_eigenvalues(data_of):
    """Rotation changes the axes, not the spectrum."""
    problem = Quadratic(eigenvalues=(1.0, 5.0, 25.0), rotated=True)
    data = data_of(problem)
    point = torch.zeros(3, dtype=torch.float64)
    hessian = torch.func.jacrev(torch.func.grad(lambda theta: problem.objective(theta, data)))(point)
    assert (hessian - hessian.diag().diag()).abs().max() > 0.1
    torch.testing.assert_close(
        torch.linalg.eigvalsh(hessian), torch.tensor([1.0, 5.0, 25.0], dtype=torch.float64)
    )


def test_the_minimizer_has_the_given_deviation(generator):
    """Over 2 000 instances of 3 coordinates, within four standard errors (0.026 and 0.018 for deviation 2)."""
    source = generator()
    problem = Quadratic(dimension=3, minimizer_deviation=2.0)
    minimizers = torch.stack([problem.make_data(source).minimizer for _ in range(2_000)])
    assert abs(minimizers.mean().item()) < 4 * 0.026
    assert minimizers.std().item() == pytest.approx(2, abs=4 * 0.018)


def test_a_moved_minimizer_keeps_the_rotation(data_of):
    """So that both variants of a seed have the same curvature."""
    fields = {"dimension": 4, "rotated": True}
    assert torch.equal(
        data_of(Quadratic(**fields)).basis, data_of(Quadratic(**fields, minimizer_deviation=2.0)).basis
    )


def test_noise_removes_targets_and_the_full_price():
    """Without noise down to 10⁻⁸ at price 1; with noise down to 10⁻⁴ and no exact gradient."""
    assert (Quadratic().targets[-1], Quadratic().full_price) == (1e-8, 1.0)
    noisy = Quadratic(gradient_noise=1.0)
    assert (noisy.targets[-1], noisy.full_price) == (1e-4, None)


def test_the_default_start_has_deviation_two(generator):
    """Over 100 000 coordinates, within four standard errors (0.9 %)."""
    start = Quadratic(dimension=100_000).make_start(generator())
    assert start.std().item() == pytest.approx(2, rel=0.009)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eigenvalues": (1.0, 2.0), "dimension": 2}, "eigenvalues excludes dimension and condition_number"),
        (
            {"eigenvalues": (1.0, 2.0), "condition_number": 2.0},
            "eigenvalues excludes dimension and condition_number",
        ),
        ({"eigenvalues": ()}, "finite numbers above 0"),
        ({"eigenvalues": (1.0, 0.0)}, "finite numbers above 0"),
        ({"eigenvalues": (1.0, float("nan"))}, "finite numbers above 0"),
        ({"dimension": 0}, "dimension is 0"),
        ({"condition_number": 0.5}, "condition_number is 0.5"),
        ({"condition_number": float("inf")}, "condition_number is inf"),
        ({"dimension": 1, "condition_number": 2.0}, "in dimension 1"),
        ({"start": (1.0, 2.0, 3.0)}, "start has 3 coordinates"),
        ({"gradient_noise": -1.0}, "gradient_noise is -1.0"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        Quadratic(**parameters)
