"""Tests of the objects that a plugin may register as optimizers: plain signatures, and classes of torch."""

import inspect

import pytest

from benchbed.catalog.parameters import hyperparameters_of
from benchbed.testing import check_optimizer

SOURCE = """
import functools

def plain(lr=0.01, momentum=0.9, steps=3, betas=(0.9, 0.99), kind="a"):
    def update(oracle, state, theta):
        velocity = momentum * state.velocity + oracle.gradient
        return theta - lr * velocity, State(velocity)

    return Optimizer(init=lambda theta: State(torch.zeros_like(theta)), update=update)

class State(NamedTuple):
    velocity: torch.Tensor

class SignDescent(torch.optim.Optimizer):
    "Sign of the momentum."

    def __init__(self, params, lr: float = 1e-3, beta: float = 0.9):
        super().__init__(params, dict(lr=lr, beta=beta))

    @torch.no_grad()
    def step(self, closure=None):
        for block in self.param_groups[0]["params"]:
            block.sub_(block.grad.sign(), alpha=self.param_groups[0]["lr"])

@hookimpl
def register_optimizers(register):
    register(plain)
    register(SignDescent)
    register(functools.partial(SignDescent, beta=0.5), name="sign-descent-half")
"""


@pytest.fixture
def catalog(plugin, record):
    catalog = plugin(SOURCE)
    assert record(catalog).error is None
    return catalog


def test_a_plain_signature_is_read(catalog):
    """Floats are hyperparameters, the others static; `lr` is the learning rate, with its search range."""
    parameters = catalog.parameters("plain")
    assert list(parameters) == ["learning_rate", "momentum", "steps", "betas", "kind"]
    assert [name for name, parameter in parameters.items() if not parameter.static] == [
        "learning_rate", "momentum",
    ]  # fmt: skip
    assert parameters["learning_rate"].domain is not None
    values = catalog.hyperparameters("plain", {"learning_rate": 2, "betas": [0.5, 0.6, 0.7]})
    assert (values["learning_rate"], values["betas"]) == (2.0, (0.5, 0.6, 0.7))


def test_a_registered_class_runs_on_blocks(catalog):
    """Its name, summary and origin are those of the class, and a partial changes its defaults."""
    entry = catalog.entry("optimizers", "sign-descent")
    assert entry.summary == "Sign of the momentum."
    assert entry.origin.definition == "mine_module:SignDescent"
    assert list(catalog.parameters("sign-descent")) == ["learning_rate", "beta", "others"]
    assert catalog.hyperparameters("sign-descent-half", {})["beta"] == 0.5
    assert inspect.unwrap(entry.implementation).__name__ == "SignDescent"


@pytest.mark.parametrize("name", ["plain", "sign-descent"])
def test_such_objects_conform(name, catalog):
    """The conformance checks take the object that is registered."""
    definition = inspect.unwrap(catalog.entry("optimizers", name).implementation)
    assert hyperparameters_of(catalog.entry("optimizers", name).implementation)
    check_optimizer(definition)
