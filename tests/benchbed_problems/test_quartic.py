"""quartic: two minima and their basins."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import solve_ivp

from benchbed.engine.sampling import Instances
from benchbed.seeds import InstanceSeed
from benchbed_problems.quartic import Quartic, lowest_point, ridge


def test_the_lowest_point_is_the_smallest_root_of_the_derivative():
    """The roots of 4θ³ − 6θ + 1 come from numpy's companion matrix."""
    assert lowest_point() == pytest.approx(np.roots([4, 0, -6, 1]).real.min(), rel=1e-14)


def test_the_ridge_is_the_middle_root_of_the_derivative():
    """The curvature is negative there."""
    roots = np.sort(np.roots([4, 0, -6, 1]).real)
    assert ridge() == pytest.approx(roots[1], rel=1e-13)
    assert 12 * ridge() ** 2 - 6 < 0


def flow_from(start):
    """Integrate θ' = −L'(θ) from `start` with SciPy until it converges."""
    path = solve_ivp(
        lambda t, theta: -(4 * theta**3 - 6 * theta + 1), (0, 60), [start], rtol=1e-10, atol=1e-12
    )
    return path.y[0, -1]


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param(np.arange(-2, 2.5, 0.5), id="the course's scan"),
        pytest.param(np.linspace(-4, 4, 41), id="a wider grid"),
        # The distance from the local maximum grows as exp(5.65 t), so 60 units of time suffice for all of these starts.
        pytest.param(ridge() + np.outer([-1, 1], 10.0 ** np.arange(-6, 0)).ravel(), id="beside the ridge"),
    ],
)
def test_the_basin_is_where_the_gradient_flow_reaches_the_optimum(starts):
    """The numerically integrated flow ends at the global minimum exactly from the starts in the basin."""
    problem = Quartic()
    ends = torch.tensor([[flow_from(start)] for start in starts], dtype=torch.float64)
    attained = problem.objective(ends, None) < problem.optimum(None) + 1e-6
    assert 0 < attained.sum() < len(starts)
    inside = problem.in_basin(torch.from_numpy(starts)[:, None], None)
    assert inside.tolist() == attained.tolist()


def test_every_other_instance_starts_in_the_basin():
    """In every role, so that three tuning seeds cannot all start in one valley; |θ| is uniform on [0.5, 2]."""
    seeds = [InstanceSeed(0, "quartic", "tuning", number) for number in range(2_000)]
    starts = Instances(Quartic(), seeds).start
    assert Quartic().in_basin(starts, None).tolist() == [True, False] * 1_000
    assert stats.kstest(starts.abs().squeeze(-1), stats.uniform(0.5, 1.5).cdf).pvalue > 0.01
    assert Instances(Quartic(start=1.5), seeds[:2]).start.tolist() == [[1.5], [1.5]]


def test_the_local_minimum_is_higher():
    """Near 1.13, the limit of gradient descent from the right."""
    problem = Quartic()
    local = torch.tensor([np.roots([4, 0, -6, 1]).real.max()])
    assert local.item() == pytest.approx(1.13, abs=0.005)
    assert problem.objective(local, None) > problem.optimum(None) + 2


def test_the_objective_is_the_polynomial():
    """θ⁴ − 3θ² + θ at the course's starts."""
    theta = torch.arange(-2, 2.5, 0.5, dtype=torch.float64)[:, None]
    expected = (theta**4 - 3 * theta**2 + theta).squeeze(-1)
    torch.testing.assert_close(Quartic().objective(theta, None), expected)


def test_the_hardest_target_does_not_depend_on_noise():
    """With two minima it is 10⁻²."""
    assert Quartic().targets == Quartic(gradient_noise=0.0).targets
    assert Quartic().targets[-1] == 1e-2


def test_success_is_the_hardest_target():
    """All rules with their best rate reach the others; see the separation in docs/protocol.md."""
    assert Quartic().success_target == Quartic().targets[-1] == pytest.approx(1e-2)


def test_only_noise_removes_the_full_price():
    """Without noise, the stochastic gradient is the full one and costs 1."""
    assert Quartic().full_price is None
    assert Quartic(gradient_noise=0.0).full_price == 1.0


def test_invalid_parameters_are_rejected():
    """The start has one coordinate and the deviation is at least 0."""
    with pytest.raises(ValueError, match="start has 2 coordinates"):
        Quartic(start=(1.0, 2.0))
    with pytest.raises(ValueError, match=r"gradient_noise is -4\.2"):
        Quartic(gradient_noise=-4.2)
