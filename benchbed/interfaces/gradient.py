"""State what a gradient is: a way to differentiate a loss, with what it costs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Generator, Tensor

from benchbed.errors import BenchbedError

Differentiable = Callable[[Tensor], Tensor]
"""theta `[..., dimension]` -> loss `[...]`: every lane for itself."""

Differentiate = Callable[..., tuple[Tensor, Tensor]]
"""function, theta, and the step's draw where there are any -> loss `[...]` and gradient `[..., dimension]`."""


class NotServedError(BenchbedError):
    """A gradient cannot differentiate this loss; its sentence is the reason for which the trials are skipped."""


def one_call(dimension: int) -> float:
    """Give 1: the price of a loss and its gradient by reverse mode, which is what a call is."""
    return 1.0


def _one_loss(dimension: int) -> int:
    return 1


class Gradient(NamedTuple):
    """Describe a way to differentiate: what answers the oracle calls of a run. Build and read it by name.

    A plain function `(function, theta) -> (loss, gradient)` stands for one that costs 1 call; fields may be added.
    """

    differentiate: Differentiate
    """function, theta -> its value `[...]` and gradient `[..., dimension]`, lane by lane.

    Takes the step's draw as a third argument where there is `make_draws`. Raises NotServedError for a loss that it
    cannot differentiate.
    """
    price: Callable[[int], float] = one_call
    """dimension -> calls that a loss and its gradient cost: a loss alone is 1/3, a Jacobian-vector product 2/3."""
    make_draws: Callable[[Generator, int, int], Any] | None = None
    """generator, steps, dimension -> what the steps of an instance draw, `[steps, …]` in float64 on the CPU.

    The draw of a step arrives with leading dimensions that broadcast against theta's; every call of the step sees it.
    """
    under_vmap: Differentiate | None = None
    """The form for one lane inside `torch.func.vmap`, where it is another."""
    traced: Differentiate | None = None
    """The form for a program that is being compiled; without one, a program is made only where it is asked for."""
    width: Callable[[int], int] = _one_loss
    """dimension -> losses of one lane that it keeps alive at once; the engine cuts its tiles by it."""

    def __call__(
        self, function: Differentiable, theta: Tensor, draw: Any | None = None
    ) -> tuple[Tensor, Tensor]:
        """Give `function(theta): [...]` and its gradient `[..., dimension]`."""
        return self.differentiate(function, theta, *(() if draw is None else (draw,)))


def as_gradient(thing: Any) -> Gradient:
    """Give a Gradient as it is, and a plain function as a gradient that costs 1 call."""
    return thing if isinstance(thing, Gradient) else Gradient(thing)
