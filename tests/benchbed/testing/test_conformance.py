"""All built-in optimizers and problems conform to the contract."""

import importlib.util

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.plan import parse_selector
from benchbed.testing import OPTIMIZER_CHECKS, PROBLEM_CHECKS, check_optimizer
from benchbed.testing.optimizers import OptimizerUnderTest
from benchbed.testing.problems import ProblemUnderTest

CATALOG = load_catalog(environ={})
OPTIMIZERS = [CATALOG.optimizer(name).implementation for name in CATALOG.names("optimizers")]
HAS_DATA = importlib.util.find_spec("sklearn") is not None
PROBLEMS = [
    *(
        name
        for name in CATALOG.names("problems")
        if name not in ("polynomial-network", "sparse-parity", "mnist1d", "markov-transformer")
        and (HAS_DATA or not hasattr(CATALOG.entry("problems", name).implementation, "data_name"))
    ),
    "polynomial-network[samples=300]",
    "sparse-parity[hidden=8, samples=64]",
    "mnist1d[network=linear]",
    "markov-transformer[vocabulary=3, context=2, samples=8, batch_size=2]",
    "polynomial-network[samples=300, hidden=[5], activation=tanh]",
    "quadratic[rotated=true, dimension=5, condition_number=100, gradient_noise=0.5]",
    "weighted-quartic[start=-3, gradient_noise=0]",
    "runge[basis=chebyshev, features=25]",
    "shallow-network[hidden=5, activation=gelu, target=chirp]",
    "triangles[depth=3]",
]


@pytest.mark.parametrize("check", OPTIMIZER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("factory", OPTIMIZERS, ids=lambda factory: factory.__name__)
def test_an_optimizer_conforms(factory, check):
    """Every built-in optimizer passes every check."""
    check(OptimizerUnderTest(factory, {}))


@pytest.mark.parametrize("check", PROBLEM_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("selector", PROBLEMS)
def test_a_problem_conforms(selector, check):
    """Every built-in problem passes every check, with its defaults and with other parameters."""
    name, parameters = parse_selector(selector)
    check(ProblemUnderTest(CATALOG.problem(name, parameters)))


@pytest.mark.parametrize("name", ["torch.optim:NAdam", "torch.optim:SGD", "torch.optim:LBFGS"])
def test_an_optimizer_of_torch_conforms(name):
    """A torch.optim class passes the checks of stateful optimizers."""
    check_optimizer(CATALOG.optimizer(name).implementation)
