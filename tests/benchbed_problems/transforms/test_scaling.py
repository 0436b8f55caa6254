"""`rescaled(…)` multiplies curvatures by λ²."""

import pytest
import torch

from benchbed.testing import check_problem
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.transforms.scaling import Rescaled


@pytest.mark.parametrize(
    "problem",
    [Rescaled(Quadratic(), condition=100.0), Rescaled(BlockQuadratic(), of="blocks"), Rescaled(Rosenbrock(), 9.0)],
    ids=repr,
)  # fmt: skip
def test_it_conforms(problem):
    """Of coordinates and of blocks."""
    check_problem(problem)


def test_the_condition_number_is_that_of_the_parameter():
    """Equal curvatures become 1 to 10⁴, logarithmically spaced."""
    problem = Rescaled(Quadratic(dimension=5, condition_number=1.0), condition=1e4)
    data = problem.shared_data()
    hessian = torch.func.hessian(lambda theta: problem.objective(theta, data))(torch.ones(5).double())
    assert torch.allclose(hessian, torch.tensor([1.0, 10.0, 100.0, 1e3, 1e4]).double().diag())


def test_a_block_has_one_scale():
    """From 1 to the square root of the condition."""
    scales = Rescaled(BlockQuadratic(), of="blocks").shared_own()
    assert scales[:30].unique().tolist() == [1.0]
    assert scales[30:60].unique().tolist() == pytest.approx([10.0])
    assert scales[60:].unique().tolist() == pytest.approx([100.0])


def test_start_and_minimizer_are_divided_by_the_scales():
    """The losses stay."""
    problem = Rescaled(Rosenbrock(), condition=4.0)
    data = problem.make_data(torch.Generator())
    assert problem.start_on(torch.ones(2).double(), data).tolist() == [1.0, 0.5]
    assert problem.minimizer(data).tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("original", "parameters", "message"),
    [
        (Quadratic(), {"condition": 1.0}, "condition is 1.0; must be a finite number above 1"),
        (Quadratic(), {"of": "blocks"}, "only one of the blocks, which cannot be scaled badly; write of=coordinates"),
        (Quadratic(dimension=1), {}, "only one of the coordinates.*choose a larger dimension"),
    ],
)  # fmt: skip
def test_a_scale_that_changes_nothing_is_rejected(original, parameters, message):
    """With a remedy."""
    with pytest.raises(ValueError, match=message):
        Rescaled(original, **parameters)
