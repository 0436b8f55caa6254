"""Registration, defaults and states of all optimizers."""

import inspect

import pytest
import torch

import benchbed_optimizers
from benchbed.catalog.parameters import factory_arguments, hyperparameters_of
from benchbed.interfaces import Layout

FACTORIES = []
benchbed_optimizers.register_optimizers(lambda factory, family: FACTORIES.append(factory))
DEFAULTS = {
    "gd": {"learning_rate": 1e-2},
    "sgd": {"learning_rate": 1e-2},
    "momentum": {"learning_rate": 1e-2, "beta": 0.9},
    "nesterov": {"learning_rate": 1e-2, "beta": 0.9},
    "rmsprop": {"learning_rate": 1e-3, "decay": 0.9, "epsilon": 1e-8},
    "adam": {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "adamw": {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 1e-2},
}


@pytest.fixture(params=FACTORIES, ids=lambda factory: factory.__name__)
def factory(request):
    """Each of the optimizers."""
    return request.param


@pytest.fixture(params=[(3,), (2, 4, 3)], ids=["single", "lanes"])
def theta(request):
    """A single point, and one for each lane."""
    return torch.randn(request.param, generator=torch.Generator().manual_seed(5), dtype=torch.float32)


def test_those_of_the_course_are_registered_in_its_order():
    """First in each family; the hook registers each once."""
    names = [factory.__name__ for factory in FACTORIES]
    assert [name for name in names if name in DEFAULTS] == list(DEFAULTS)
    assert len(set(names)) == len(names)
    for family in benchbed_optimizers.FAMILIES.values():
        is_of_course = [factory.__name__ in DEFAULTS for factory in family]
        assert is_of_course == sorted(is_of_course, reverse=True)


@pytest.mark.parametrize(
    "factory",
    [factory for factory in FACTORIES if factory.__name__ in DEFAULTS],
    ids=lambda factory: factory.__name__,
)
def test_the_defaults_are_those_of_the_course(factory):
    """Names, values and order agree."""
    parameters = inspect.signature(factory).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert list(defaults.items()) == list(DEFAULTS[factory.__name__].items())


def test_the_default_lies_in_the_search_range(factory):
    """Otherwise `searched` could not find the default setting."""
    for parameter in hyperparameters_of(factory).values():
        if parameter.static:
            continue
        space, value = parameter.domain, parameter.default
        if type(space).__name__ == "OneMinusLogUniform":
            value = 1 - value
        is_switched_off = value == 0  # no weight decay
        assert is_switched_off or space.low <= value * (1 + 1e-12) <= space.high * (1 + 1e-11)


def test_the_source_is_named(factory):
    """The docstring of every optimizer names its source."""
    assert "Source: " in factory.__doc__


def test_the_state_keeps_leading_dimensions_shape_and_dtype(factory, theta, oracle_of):
    """The engine needs this to mask, drop and compile lanes."""
    optimizer = factory(**factory_arguments(factory, {}, Layout({"theta": (3,)})))
    state = optimizer.init(theta)
    oracle = oracle_of(torch.ones_like(theta))
    moved, after = optimizer.update(oracle, state, theta)
    assert (moved.shape, moved.dtype) == (theta.shape, theta.dtype)
    for before, later in zip(state, after, strict=True):
        assert before.shape[: theta.dim() - 1] == theta.shape[:-1]
        assert (before.shape, before.dtype) == (later.shape, later.dtype)


def test_an_update_writes_to_no_argument(factory, theta, oracle_of):
    """A second call with the same arguments returns the same step."""
    optimizer = factory(**factory_arguments(factory, {}, Layout({"theta": (3,)})))
    state = optimizer.init(theta)
    oracle = oracle_of(torch.full_like(theta, 0.5))
    first = optimizer.update(oracle, state, theta)
    second = optimizer.update(oracle, state, theta)
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(*pair) for pair in zip(first[1], second[1], strict=True))
    assert torch.equal(oracle.gradient, torch.full_like(theta, 0.5))
