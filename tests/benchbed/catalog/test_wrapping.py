"""Wrapped optimizers are optimizers of their own, with the parameters and the origin of both parts."""

import inspect

import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.parameters import hyperparameters_of
from benchbed.catalog.wrapping import wrapped_factory
from benchbed.errors import UsageError
from benchbed_optimizers.adam import adam
from benchbed_optimizers.wrappers.clipping import clip

CATALOG = load_catalog()


def test_the_parameters_are_those_of_both():
    """Those of the wrapper have its name before them, and the same ranges."""
    parameters = CATALOG.parameters("cosine(clip(adam))")
    names = ["learning_rate", "beta1", "beta2", "epsilon", "clip_norm", "cosine_warmup", "cosine_final"]
    assert list(parameters) == names
    own = inspect.signature(clip).parameters["norm"]
    assert parameters["clip_norm"].domain == own.annotation.__metadata__[0]
    assert parameters["clip_norm"].default == own.default


def test_a_class_of_torch_can_be_wrapped():
    """Its parameters and nested classes are those of the class."""
    parameters = CATALOG.parameters("clip(torch.optim:SGD)")
    assert {"learning_rate", "momentum", "others", "clip_norm"} <= set(parameters)


def test_the_factory_is_the_same_each_time():
    """It is part of the key of compiled steps, which would be compiled again."""
    first, second = (CATALOG.optimizer("cosine(adam)").implementation for _ in range(2))
    assert first is second


def test_the_origin_contains_both_parts():
    """A change of either file changes the identity of trials."""
    origin = CATALOG.optimizer("clip(adam)").origin
    assert {*CATALOG.optimizer("adam").origin.files} < {*origin.files}
    assert {*CATALOG.entry("wrappers", "clip").origin.files} <= {*origin.files}
    assert len({CATALOG.optimizer(name).source for name in ("adam", "clip(adam)", "clip(sgd)")}) == 3


def test_a_wrapper_is_used_once():
    """Two would have the same parameters."""
    with pytest.raises(UsageError, match="'clip' wraps an optimizer that has a parameter clip_norm already"):
        CATALOG.optimizer("clip(cosine(clip(adam)))")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cosin(adam)", "unknown wrapper 'cosin'; did you mean 'cosine'?"),
        ("cosine(adan-x)", "unknown optimizer 'adan-x'"),
        ("adam(sgd)", "'adam' wraps no optimizer or problem such as 'sgd'; write key=value in its brackets"),
        ("torch.optim:SGD(sgd)", "'torch.optim:SGD' wraps no optimizer or problem"),
    ],
)
def test_an_unknown_part_is_named(name, message):
    """The wrapper, or the optimizer in it."""
    with pytest.raises(UsageError) as raised:
        CATALOG.optimizer(name)
    assert message in str(raised.value)


def test_the_learning_rate_is_that_of_the_optimizer():
    """A wrapper that uses the rate receives the one that is set, and else the default."""

    def show(optimizer, learning_rate, scale=2.0):
        return optimizer._replace(answer=lambda state, theta: learning_rate * scale * theta)

    factory = wrapped_factory("show", show, adam)
    one = torch.ones(1)
    assert list(hyperparameters_of(factory)) == ["learning_rate", "beta1", "beta2", "epsilon", "show_scale"]
    assert factory().answer(None, one).item() == pytest.approx(2e-3)
    assert factory(learning_rate=0.5, show_scale=3.0).answer(None, one).item() == pytest.approx(1.5)
    assert factory(learning_rate=0.5).at_rate(0.1).answer(None, one).item() == pytest.approx(0.1)
