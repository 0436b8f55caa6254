"""Checks of a wrapper: those of an optimizer, around a rule with momentum."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchbed.catalog.names import derived_name, prefixed
from benchbed.catalog.wrapping import wrapped_factory
from benchbed.interfaces import Optimizer, OptimizerFactory, Oracle, Wrapper
from benchbed.testing.assertions import require
from benchbed.testing.claims import Claim, check_claims
from benchbed.testing.optimizers import optimizer_claims


class _Momentum(NamedTuple):
    momentum: Tensor


def _with_momentum(learning_rate: float = 0.1, beta: float = 0.5) -> Optimizer[_Momentum]:
    def update(oracle: Oracle, state: _Momentum, theta: Tensor) -> tuple[Tensor, _Momentum]:
        momentum = beta * state.momentum + oracle.gradient
        return theta - learning_rate * momentum, _Momentum(momentum)

    def answer(state: _Momentum, theta: Tensor) -> Tensor:
        require(
            isinstance(state, _Momentum),
            "its answer receives the state of the wrapper; pass on that of the optimizer, such as "
            "answer=lambda state, theta: optimizer.answer(state.inner, theta)",
        )
        return theta - learning_rate * state.momentum

    return Optimizer(init=lambda theta: _Momentum(torch.zeros_like(theta)), update=update, answer=answer)


def wrapper_claims(
    wrapper: Wrapper, optimizer: OptimizerFactory = _with_momentum, **hyperparameters: Any
) -> list[Claim]:
    """Return the claims about a wrapper around an optimizer; the arguments are those of `check_wrapper`.

    Raises: UsageError if a parameter is unknown.
    """
    name = derived_name(wrapper)
    values = {prefixed(name, key): value for key, value in hyperparameters.items()}
    return optimizer_claims(wrapped_factory(name, wrapper, optimizer), **values)


def check_wrapper(
    wrapper: Wrapper, optimizer: OptimizerFactory = _with_momentum, **hyperparameters: Any
) -> None:
    """Check a wrapper around an optimizer, by default one with momentum.

    Args:
        wrapper: The function that `register_wrappers` registers.
        optimizer: The factory of the optimizer that it wraps.
        hyperparameters: Values of the wrapper's own parameters.

    Raises: ConformanceError with the first difference; UsageError if a parameter is unknown.
    """
    check_claims(wrapper_claims(wrapper, optimizer, **hyperparameters))
