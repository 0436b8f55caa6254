"""The unit of the gap, against NumPy."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchbed.engine import scale_of
from benchbed.interfaces import Layout, Problem
from benchbed.seeds import InstanceSeed
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic, lowest_point


def starts_of(problem, name, count, study_seed=7):
    seeds = [InstanceSeed(study_seed, name, "scale", index).generator_seed("start") for index in range(count)]
    return np.stack(
        [problem.make_start(torch.Generator().manual_seed(seed)).numpy().ravel() for seed in seeds]
    )


def lower_median(values):
    """Give the ⌈n/2⌉-th smallest."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def test_the_scale_is_the_lower_median_over_a_thousand_instances():
    """½(θ₁² + 100 θ₂²) over the starts of the role scale; of 1000 numbers the 500th."""
    start = starts_of(Quadratic(), "quadratic", 1000)
    expected = lower_median(0.5 * (start**2 @ [1.0, 100.0]))
    assert scale_of(Quadratic(), "quadratic", 7) == pytest.approx(expected, rel=1e-14)


def test_the_scale_is_measured_from_the_optimum():
    """On the quartic f* is far below 0."""
    start = starts_of(Quartic(), "quartic", 1000)[:, 0]
    low = lowest_point()
    expected = lower_median(start**4 - 3 * start**2 + start) - (low**4 - 3 * low**2 + low)
    assert scale_of(Quartic(), "quartic", 7) == pytest.approx(expected, rel=1e-13)


def test_a_problem_says_over_how_many_instances():
    """Networks take 20, since one objective is dear."""
    problem = PolynomialNetwork(dimension=2, samples=16, hidden=(3,), batch_size=4)
    data = problem.shared_data()
    start = torch.from_numpy(starts_of(problem, "net", 20))
    expected = lower_median([problem.objective(theta, data).item() for theta in start])
    assert scale_of(problem, "net", 7) == pytest.approx(expected, rel=1e-13)


def test_the_scale_of_another_study_seed_is_another():
    """`--seed` moves all seeds at once, those of the role scale too."""
    assert scale_of(Quadratic(), "quadratic", 7) != scale_of(Quadratic(), "quadratic", 8)


def test_a_fixed_start_has_the_scale_of_that_start():
    """Where nothing is drawn one instance stands for all: 0.5 (1 + 100) 2² from (2, 2)."""
    assert scale_of(Quadratic(start=2.0), "quadratic", 7) == 202.0


def test_instances_that_differ_in_their_data_alone_are_all_measured(valleys):
    """A drawn curvature changes f₀ though the start may be fixed: ½ c |θ|² over the 1000 instances."""

    @dataclass(frozen=True)
    class FixedStart(type(valleys)):
        def make_start(self, generator):
            return torch.ones(3, dtype=torch.float64)

    problem = FixedStart()
    seeds = [InstanceSeed(7, "valleys", "scale", index).generator_seed("data") for index in range(1000)]
    curvatures = [problem.make_data(torch.Generator().manual_seed(seed)).item() for seed in seeds]
    assert set(curvatures) == {1.0, 1000.0}
    assert scale_of(problem, "valleys", 7) == 1.5 * lower_median(curvatures)


def test_without_an_optimum_there_is_no_scale(formula):
    """The gap needs f*."""
    assert scale_of(formula(lambda theta: theta.sum(-1), known=False), "formula", 7) is None


@pytest.mark.parametrize("start", [0.0, -1.0])
def test_a_problem_that_starts_at_its_optimum_has_the_scale_one(formula, start):
    """Nothing could be divided by 0, nor by a start below what was said to be the optimum."""
    assert scale_of(formula(lambda theta: theta.sum(-1), start=(start,)), "formula", 7) == 1.0


@dataclass(frozen=True)
class Module(Problem):
    """Minimize |θ|² from the first weights of a torch module, drawn from the global generator."""

    layout = Layout({"theta": (7,)})
    scale_instances = 9

    def make_start(self, generator):
        return torch.nn.utils.parameters_to_vector(torch.nn.Linear(6, 1).parameters()).detach()

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


def test_a_module_drawn_from_the_global_generator_has_a_scale_that_repeats():
    """The scale depends on the study's seed alone, and measuring it leaves the global generator where it was."""
    state = torch.get_rng_state()
    first = scale_of(Module(), "module", 7)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(123)
    assert scale_of(Module(), "module", 7) == first
    drawn = []
    for index in range(9):
        torch.manual_seed(InstanceSeed(7, "module", "scale", index).generator_seed("start"))
        drawn.append(Module().make_start(None).double().square().sum().item())
    assert first == pytest.approx(lower_median(drawn), rel=1e-14)
