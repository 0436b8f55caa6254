"""State what an optimizer is, and what it may ask in a step."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from torch import Tensor

Hyperparameter = Tensor | float
"""A number that differs between the lanes of a batch: a tensor `[..., 1]` in the engine."""

S = TypeVar("S")


class Oracle(Protocol):
    """Answer what a step may ask of one trial, or of a batch of them; the harness counts the calls."""

    @property
    def loss(self) -> Tensor:
        """Loss at theta on this step's draw: `[...]`."""

    @property
    def gradient(self) -> Tensor:
        """Gradient at theta on this step's draw: `[..., dimension]`, finite (other lanes are frozen before)."""

    @property
    def progress(self) -> Tensor:
        """Share of the budget spent, in [0, 1): `[..., 1]`; for schedules."""

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give loss and gradient at another `point: [..., dimension]`, on the same draw.

        Costs one call for each lane in `where: [...]` (all, if None); the other lanes receive NaN.
        """

    def map(self, change: Callable[[Tensor], Tensor]) -> "Oracle":
        """Give the oracle whose every gradient has passed through `change`: clipping, as a wrapper."""


def _theta_itself(state: Any, theta: Tensor) -> Tensor:
    return theta


class Optimizer(NamedTuple, Generic[S]):
    """Describe an update rule; what a factory returns. Build and read it by name: fields may be added."""

    init: Callable[[Tensor], S]
    """theta -> state: a NamedTuple whose tensors all begin with theta's leading dimensions."""
    update: Callable[[Oracle, S, Tensor], tuple[Tensor, S]]
    """oracle, state, theta -> next theta, next state; pure, writes to no argument."""
    answer: Callable[[S, Tensor], Tensor] = _theta_itself
    """state, theta -> the point that is measured (averages, Schedule-Free)."""
    full_batch: bool = False
    """The oracle returns the loss and gradient over all samples and without noise, instead of those on a draw."""
    per_trial: bool = False
    """Written for a single trial; the engine applies `torch.func.vmap`."""
    stateful: bool = False
    """Run one trial at a time with any state, hyperparameters as floats: a `torch.optim.Optimizer` as it is."""


OptimizerFactory = Callable[..., Optimizer[Any]]
"""A function whose signature is the schema: names, defaults, and ranges as annotations."""
