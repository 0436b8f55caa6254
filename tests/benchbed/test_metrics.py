"""Built-in metrics have their documented values."""

import torch

from benchbed.metrics import distance_to_solution
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic


def test_the_distance_is_euclidean():
    """(3, 4) has the distance 5 from the origin, the minimizer of the quadratic, in every lane."""
    theta = torch.tensor([3.0, 4.0], dtype=torch.float64).expand(2, 3, 2)
    problem = Quadratic()
    assert torch.equal(
        distance_to_solution(problem, theta, problem.shared_data()), torch.full((2, 3), 5.0).double()
    )


def test_the_distance_to_an_unknown_minimizer_is_none():
    """The network has a lower bound, but no known minimizer."""
    problem = PolynomialNetwork(samples=128)
    assert distance_to_solution(problem, torch.zeros(problem.layout.dimension), problem.shared_data()) is None
