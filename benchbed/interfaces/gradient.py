"""The type of a gradient: a method that differentiates a loss, with its price in calls."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Generator, Tensor

from benchbed.errors import BenchbedError

Differentiable = Callable[[Tensor], Tensor]
"""theta `[..., dimension]` -> loss `[...]`, each lane on its own."""

Differentiate = Callable[..., tuple[Tensor, Tensor]]
"""function, theta, and the step's draw if the gradient has draws -> loss `[...]` and gradient `[..., dimension]`."""


class NotServedError(BenchbedError):
    """The gradient cannot differentiate this loss; the message is stored as the reason why the trials are skipped."""


def one_call(dimension: int) -> float:
    """Return 1, the price of reverse mode: a call is defined as a loss and its gradient by reverse mode."""
    return 1.0


def _one_loss(dimension: int) -> int:
    return 1


class Gradient(NamedTuple):
    """A method that differentiates the losses of a run. Use keywords: further fields may be added.

    A plain function `(function, theta) -> (loss, gradient)` is registered as a gradient that costs 1 call.
    """

    differentiate: Differentiate
    """function, theta -> its value `[...]` and gradient `[..., dimension]`, lane by lane.

    Takes the step's draw as a third argument if `make_draws` is set. Raises NotServedError for a loss that it cannot
    differentiate.
    """
    price: Callable[[int], float] = one_call
    """dimension -> calls that a loss and its gradient cost; a loss alone costs 1/3, a Jacobian-vector product 2/3."""
    make_draws: Callable[[Generator, int, int], Any] | None = None
    """generator, steps, dimension -> the random draws of an instance's steps, `[steps, …]` in float64 on the CPU.

    The draw of a step has leading dimensions that broadcast against theta's; all calls of a step share it.
    """
    under_vmap: Differentiate | None = None
    """Replaces `differentiate` for a single lane inside `torch.func.vmap`."""
    traced: Differentiate | None = None
    """Replaces `differentiate` in a compiled step; without it, steps are compiled only with `--engine compiled`."""
    width: Callable[[int], int] = _one_loss
    """dimension -> number of losses of one lane that are in memory at once; the engine sizes its tiles by it."""

    def __call__(
        self, function: Differentiable, theta: Tensor, draw: Any | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return `function(theta): [...]` and its gradient `[..., dimension]`."""
        return self.differentiate(function, theta, *(() if draw is None else (draw,)))


def as_gradient(gradient: Gradient | Differentiate) -> Gradient:
    """Return a Gradient unchanged, and a plain function as a gradient that costs 1 call."""
    return gradient if isinstance(gradient, Gradient) else Gradient(gradient)
