"""quadratic_forms: values, uniform rotations."""

import torch

from benchbed_problems.quadratic_forms import QuadraticForm, random_rotation, signed_distances


def test_the_value_is_that_of_the_hessian(generator):
    """½ (θ − m)ᵀ H (θ − m) with H = Qᵀ Λ Q, multiplied out."""
    source = generator()
    basis = random_rotation(source, 4)
    eigenvalues = torch.tensor([1.0, 2.0, 5.0, 100.0], dtype=torch.float64)
    minimizer, theta = torch.randn(2, 4, generator=source, dtype=torch.float64)
    difference = theta - minimizer
    expected = 0.5 * difference @ (basis.mT @ eigenvalues.diag() @ basis) @ difference
    torch.testing.assert_close(QuadraticForm(eigenvalues, basis, minimizer).value(theta), expected)


def test_the_rotations_are_uniform(generator):
    """The entries have mean 0 and variance 1/d, which needs the correction of the signs."""
    source = generator()
    rotations = torch.stack([random_rotation(source, 3) for _ in range(2_000)])
    # the standard error of an entry's mean is √(1/3)/√2000 = 0.013, of its mean square 0.3/√2000 = 0.007
    assert rotations.mean(0).abs().max() < 4 * 0.013
    assert (rotations.square().mean(0) - 1 / 3).abs().max() < 4 * 0.007


def test_the_distances_are_one_on_either_side(generator):
    """Half of 10 000 are on each side, within four standard errors (0.02)."""
    distances = signed_distances(generator(), 10_000)
    assert distances.abs().unique().tolist() == [1]
    assert abs(distances.mean().item()) < 0.04
