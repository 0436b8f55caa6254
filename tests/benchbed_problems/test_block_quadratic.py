"""block-quadratic: spectrum, blocks, and methods that do not depend on the basis."""

import pytest
import torch

from benchbed_problems.block_quadratic import BLOCK, BlockQuadratic


def hessian_of(data):
    return data.basis.mT @ data.eigenvalues.diag() @ data.basis


@pytest.mark.parametrize("rotation", [0.0, 0.3, 1.0])
def test_the_hessian_has_the_spectrum(data_of, rotation):
    """Whatever the rotation is."""
    problem = BlockQuadratic(rotation=rotation)
    values = torch.linalg.eigvalsh(hessian_of(data_of(problem)))
    expected = torch.tensor(sorted(problem.spectrum), dtype=torch.float64)
    torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-9)


def test_the_blocks_are_coordinates_unless_rotated(data_of):
    """Without rotation the Hessian is block diagonal with levels near 1, 100 and 5 000."""
    hessian = hessian_of(data_of(BlockQuadratic()))
    for number, level in enumerate((2.0, 100.0, 4999.0)):
        rows = slice(number * BLOCK, (number + 1) * BLOCK)
        assert hessian[rows, rows].trace().item() / BLOCK == pytest.approx(level, rel=1e-9)
        hessian[rows, rows] = 0
    assert hessian.abs().max() < 1e-9
    rotated = hessian_of(data_of(BlockQuadratic(rotation=1.0)))
    assert rotated[:BLOCK, BLOCK:].abs().max() > 100


def test_homogeneous_blocks_have_equal_spectra():
    """Each with all levels."""
    spectrum = BlockQuadratic(heterogeneous=False).spectrum
    assert spectrum[:BLOCK] == spectrum[BLOCK : 2 * BLOCK] == spectrum[2 * BLOCK :]
    assert set(spectrum) == set(BlockQuadratic().spectrum)


def test_a_full_rotation_is_nearly_uniform(data_of):
    """Each entry of R at rotation 1 has variance near 1/90, inside and outside of the blocks (10 instances)."""
    bases = torch.stack([data_of(BlockQuadratic(rotation=1.0), seed).basis for seed in range(10)])
    inside = bases[:, :BLOCK, :BLOCK].square().mean().item()
    outside = bases[:, :BLOCK, BLOCK:].square().mean().item()
    assert inside == pytest.approx(1 / 90, rel=0.2)
    assert outside == pytest.approx(1 / 90, rel=0.1)


def losses_of(problem, data, direction_of):
    """Return the losses of 300 steps, each along a function of the gradient."""
    theta = problem.make_start(None)
    losses = []
    for _ in range(300):
        gradient = hessian_of(data) @ (theta - data.minimizer)
        theta = theta - direction_of(gradient)
        losses.append(problem.objective(theta, data))
    return torch.stack(losses)


def test_gradient_descent_does_not_depend_on_the_rotation(data_of):
    """To rounding, for the same seed; a rate for each block solves the problem, but diverges once it is rotated."""
    losses = {
        (rotation, name): losses_of(problem, data_of(problem), direction_of)
        for rotation in (0.0, 1.0)
        for problem in [BlockQuadratic(rotation=rotation)]
        for name, direction_of in [
            ("gradient", lambda gradient: 3e-4 * gradient),
            (
                "blocks",
                lambda gradient: gradient / torch.tensor([3.0, 101.0, 5000.0]).repeat_interleave(BLOCK),
            ),
        ]
    }
    torch.testing.assert_close(losses[0.0, "gradient"], losses[1.0, "gradient"], rtol=1e-9, atol=1e-9)
    assert losses[0.0, "blocks"][-1] < 1e-20
    assert not losses[1.0, "blocks"][-1] < 1


def test_a_rotation_above_one_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=r"rotation is 1\.5; must be between 0 and 1"):
        BlockQuadratic(rotation=1.5)
