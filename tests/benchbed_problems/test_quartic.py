"""quartic: its two valleys."""

import numpy as np
import pytest
import torch

from benchbed_problems.quartic import Quartic, lowest_point


def test_the_lowest_point_is_the_smallest_root_of_the_derivative():
    """4θ³ − 6θ + 1, against numpy's companion matrix."""
    assert lowest_point() == pytest.approx(np.roots([4, 0, -6, 1]).real.min(), rel=1e-14)


def test_the_other_valley_is_higher():
    """Near 1.13, where gradient descent from the right ends."""
    problem = Quartic()
    local = torch.tensor([np.roots([4, 0, -6, 1]).real.max()])
    assert local.item() == pytest.approx(1.13, abs=0.005)
    assert problem.objective(local, None) > problem.optimum(None) + 2


def test_the_objective_is_the_polynomial():
    """θ⁴ − 3θ² + θ at the course's starts."""
    theta = torch.arange(-2, 2.5, 0.5, dtype=torch.float64)[:, None]
    expected = (theta**4 - 3 * theta**2 + theta).squeeze(-1)
    torch.testing.assert_close(Quartic().objective(theta, None), expected)


def test_the_drawn_starts_fill_the_interval(generator):
    """U(−2, 2): 4 000 draws reach both ends to 0.01, with mean 0 within four standard errors (0.073)."""
    source = generator()
    starts = torch.cat([Quartic().make_start(source) for _ in range(4_000)])
    assert -2 <= starts.min() < -1.99
    assert 1.99 < starts.max() <= 2
    assert abs(starts.mean().item()) < 0.073


def test_several_minima_shorten_the_targets_with_or_without_noise():
    """10⁻⁴ is the last."""
    assert Quartic().targets == Quartic(gradient_noise=0.0).targets
    assert Quartic().targets[-1] == 1e-4


def test_only_noise_takes_the_price_away():
    """Without noise, the full gradient is the stochastic one."""
    assert Quartic().full_price is None
    assert Quartic(gradient_noise=0.0).full_price == 1.0


def test_parameters_of_another_problem_are_refused():
    """One coordinate; a deviation of at least 0."""
    with pytest.raises(ValueError, match="start has 2 coordinates"):
        Quartic(start=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"gradient_noise is -4\.2"):
        Quartic(gradient_noise=-4.2)
