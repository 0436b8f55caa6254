"""`shifted(…)` moves start and minimizer together."""

import pytest
import torch

from benchbed.testing import check_problem
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.transforms.rotation import Rotated
from benchbed_problems.transforms.shift import Shifted


@pytest.mark.parametrize(
    "problem",
    [Shifted(Quadratic()), Shifted(Rosenbrock(), seed=1), Shifted(Rotated(NoisyQuadratic(dimension=4)))],
    ids=repr,
)
def test_it_conforms(problem):
    """With data of each instance, without data, and around another transform."""
    check_problem(problem)


def test_start_and_minimizer_move_by_one_vector():
    """The minimum of Rosenbrock's function, at ones, and the start."""
    problem = Shifted(Rosenbrock(), deviation=3.0)
    data = problem.make_data(torch.Generator().manual_seed(1))
    start = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    assert torch.equal(problem.start_on(start, data), start + data.own)
    assert torch.equal(problem.minimizer(data), 1 + data.own)
    assert problem.objective(problem.minimizer(data), data) < 1e-28
    assert problem.optimum(data) == 0


def test_the_shift_has_the_deviation():
    """Within four standard errors, of the variance too."""
    problem = Shifted(Quadratic(dimension=5_000), deviation=3.0, seed=1)
    shift = problem.shared_own()
    assert abs(shift.mean()) < 4 * 3 / 5_000**0.5
    assert abs(shift.var() / 9 - 1) < 4 * (2 / 5_000) ** 0.5
    assert not torch.equal(shift, Shifted(Quadratic(dimension=5_000), deviation=3.0).shared_own())


def test_a_shift_by_nothing_is_rejected():
    """The problem would be the original one."""
    with pytest.raises(ValueError, match=r"deviation is 0.0; must be a standard deviation"):
        Shifted(Quadratic(), deviation=0.0)
