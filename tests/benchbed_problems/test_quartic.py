"""quartic: its two valleys."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from benchbed_problems.quartic import Quartic, lowest_point, ridge


def test_the_lowest_point_is_the_smallest_root_of_the_derivative():
    """4θ³ − 6θ + 1, against numpy's companion matrix."""
    assert lowest_point() == pytest.approx(np.roots([4, 0, -6, 1]).real.min(), rel=1e-14)


def test_the_ridge_is_the_middle_root_of_the_derivative():
    """Against numpy's companion matrix; the curvature is negative there."""
    roots = np.sort(np.roots([4, 0, -6, 1]).real)
    assert ridge() == pytest.approx(roots[1], rel=1e-13)
    assert 12 * ridge() ** 2 - 6 < 0


def flow_from(start):
    """Follow θ' = −L'(θ) from `start` by SciPy until it rests."""
    path = solve_ivp(
        lambda t, theta: -(4 * theta**3 - 6 * theta + 1), (0, 60), [start], rtol=1e-10, atol=1e-12
    )
    return path.y[0, -1]


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param(np.arange(-2, 2.5, 0.5), id="the course's scan"),
        pytest.param(np.linspace(-4, 4, 41), id="a wider grid"),
        # Its distance from the ridge grows as exp(5.65 t), so 60 units of time leave any of these far behind.
        pytest.param(ridge() + np.outer([-1, 1], 10.0 ** np.arange(-6, 0)).ravel(), id="beside the ridge"),
    ],
)
def test_the_basin_is_where_the_gradient_flow_reaches_the_optimum(starts):
    """The flow from each start, integrated numerically, ends at the global minimum exactly where we say so."""
    problem = Quartic()
    ends = torch.tensor([[flow_from(start)] for start in starts], dtype=torch.float64)
    attained = problem.objective(ends, None) < problem.optimum(None) + 1e-6
    assert 0 < attained.sum() < len(starts)
    inside = problem.in_basin(torch.from_numpy(starts)[:, None], None)
    assert inside.tolist() == attained.tolist()


def test_about_half_of_the_starts_are_in_the_basin(generator):
    """Of U(−2, 2), (2 + 0.1699) / 4; 4 000 draws are good to 0.008, four of which are allowed."""
    source = generator()
    starts = torch.stack([Quartic().make_start(source) for _ in range(4_000)])
    assert Quartic().in_basin(starts, None).double().mean().item() == pytest.approx(0.5425, abs=0.032)


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
