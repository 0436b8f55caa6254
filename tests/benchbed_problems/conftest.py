"""Instances of every problem, for single trials and for lanes."""

import importlib.util
from itertools import pairwise

import pytest
import torch
from torch import nn

from benchbed_problems.associative_memory import AssociativeMemory
from benchbed_problems.beale import Beale
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.logistic_regression import LogisticRegression
from benchbed_problems.matrix_sensing import MatrixSensing
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.phase_retrieval import PhaseRetrieval
from benchbed_problems.poisson_pinn import PoissonPinn
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.toy_mean import ToyMean
from benchbed_problems.triangles import Triangles
from benchbed_problems.weighted_quartic import WeightedQuartic
from benchbed_problems.zipf_bigram import ZipfBigram

SMALL_NETWORK = {"dimension": 3, "samples": 40, "hidden": (5, 4), "batch_size": 6}
PROBLEMS = {
    "linear-regression": LinearRegression(),
    "two-point-regression": LinearRegression(samples=2),
    "toy-mean": ToyMean(samples=500, batch_size=8),
    "quadratic": Quadratic(),
    "quadratic-with-noise": Quadratic(dimension=5, condition_number=30.0, gradient_noise=0.7),
    "rotated-quadratic": Quadratic(dimension=4, rotated=True),
    "moved-quadratic": Quadratic(dimension=4, rotated=True, minimizer_deviation=2.0),
    "noisy-quadratic": NoisyQuadratic(dimension=6, batch_size=4),
    "axis-aligned-noisy-quadratic": NoisyQuadratic(dimension=6, rotated=False),
    "block-quadratic": BlockQuadratic(),
    "rotated-block-quadratic": BlockQuadratic(rotation=1.0, heterogeneous=False),
    "rosenbrock": Rosenbrock(),
    "rosenbrock-with-noise": Rosenbrock(dimension=5, gradient_noise=0.3),
    "beale": Beale(),
    "beale-with-noise": Beale(gradient_noise=0.3),
    "zipf-bigram": ZipfBigram(vocabulary=5),
    "cross-entropy-bigram": ZipfBigram(vocabulary=5, criterion="cross-entropy"),
    "imbalanced-softmax": ImbalancedSoftmax(groups=2),
    "separable-softmax": ImbalancedSoftmax(groups=2, label_noise=0.0),
    "matrix-sensing": MatrixSensing(size=4, rank=2, samples=20, batch_size=3),
    "associative-memory": AssociativeMemory(facts=5),
    "separable-memory": AssociativeMemory(facts=5, label_noise=0.0),
    "phase-retrieval": PhaseRetrieval(dimension=4, samples=20, batch_size=3),
    "quartic": Quartic(),
    "exact-quartic": Quartic(gradient_noise=0.0),
    "weighted-quartic": WeightedQuartic(dimension=6),
    "runge": Runge(),
    "chebyshev-runge": Runge(basis="chebyshev", features=8),
    "equispaced-runge": Runge(points="equispaced", features=8),
    "interpolating-runge": Runge(basis="chebyshev", features=12, samples=9),
    "shallow-network": ShallowNetwork(hidden=6, samples=40, batch_size=5),
    "gelu-shallow-network": ShallowNetwork(hidden=6, samples=40, batch_size=5, activation="gelu"),
    "triangles": Triangles(samples=40, batch_size=5),
    "deep-triangles": Triangles(depth=3, samples=40, batch_size=5),
    "pinn-network": PoissonPinn(points=5),
    "network": PolynomialNetwork(**SMALL_NETWORK),
    "silu-network": PolynomialNetwork(**SMALL_NETWORK, activation="silu"),
    "linear-network": PolynomialNetwork(**{**SMALL_NETWORK, "hidden": ()}),
}
if importlib.util.find_spec("sklearn"):
    PROBLEMS |= {
        "logistic-regression": LogisticRegression(),
        "full-batch-logistic-regression": LogisticRegression(batch_size=None),
    }


@pytest.fixture(params=PROBLEMS)
def problem(request):
    """Each kind of problem, small."""
    return PROBLEMS[request.param]


@pytest.fixture(
    params=[name for name in PROBLEMS if not (name.endswith("network") or name.startswith("separable"))]
)
def solved_problem(request):
    """Each kind of problem whose minimizer is known."""
    return PROBLEMS[request.param]


MODULES = {
    "gelu-tanh": lambda: nn.GELU(approximate="tanh"),
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
}


@pytest.fixture(params=MODULES)
def activation(request):
    """Name of each activation."""
    return request.param


@pytest.fixture
def module_of():
    """Return a function that builds torch's module for an activation's name."""
    return lambda name: MODULES[name]()


@pytest.fixture
def torch_network(module_of):
    """Return a function that builds a problem's network from torch.nn modules, with weights drawn from a seed."""

    def build(problem, seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = [nn.Linear(*widths, dtype=torch.float64) for widths in pairwise(problem.widths)]
        modules = [module for layer in layers for module in (layer, module_of(problem.activation))]
        return nn.Sequential(*modules[:-1])

    return build


@pytest.fixture
def generator():
    """Return a function that builds a seeded generator."""

    def make(seed=0):
        return torch.Generator().manual_seed(seed)

    return make


@pytest.fixture
def data_of(generator):
    """Return a function that builds a problem's data for one seed."""

    def make(problem, seed=0):
        shared = problem.shared_data()
        return problem.make_data(generator(seed)) if shared is None else shared

    return make


@pytest.fixture
def lanes_of(generator, data_of):
    """Return a function that stacks data and first draws of some seeds as the engine does: `[seeds, 1, …]`."""

    def make(problem, seeds):
        data = data_of(problem)
        if problem.shared_data() is None and data is not None:
            leaves = zip(*(data_of(problem, seed) for seed in seeds), strict=True)
            data = type(data)(*(torch.stack(leaf)[:, None] for leaf in leaves))
        draws = [problem.make_draws(generator(seed), 1) for seed in seeds]
        return data, None if draws[0] is None else torch.stack([draw[0] for draw in draws])[:, None]

    return make


@pytest.fixture
def points(generator):
    """Return a function that draws points: `[count, dimension]`."""

    def make(problem, count, seed=99):
        return torch.randn(count, problem.layout.dimension, generator=generator(seed), dtype=torch.float64)

    return make
