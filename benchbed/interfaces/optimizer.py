"""The type of an optimizer, and the oracle that it asks for losses and gradients."""

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from torch import Generator, Tensor

Hyperparameter = Tensor | float
"""A number that may differ between the lanes of a batch, where it is a tensor `[..., 1]`."""

S = TypeVar("S")


class Oracle(Protocol):
    """Access to losses and gradients in one step, of one trial or of a batch; the engine counts the calls."""

    @property
    def loss(self) -> Tensor:
        """Loss at theta on this step's draw: `[...]`."""

    @property
    def gradient(self) -> Tensor:
        """Gradient at theta on this step's draw: `[..., dimension]`, finite (a lane where it is not is stopped)."""

    @property
    def progress(self) -> Tensor:
        """Share of the budget that is spent, in [0, 1): `[..., 1]`; for schedules."""

    @property
    def step(self) -> Tensor:
        """Number of steps before this one, in theta's dtype: `[..., 1]`; for corrections such as 1 − β^(step + 1)."""

    @property
    def draw(self) -> Any:
        """This step's draw of the optimizer's own `make_draws`, the same for all calls of the step.

        Its leading dimensions broadcast against theta's. Raises: RuntimeError without `make_draws`.
        """

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return loss and gradient at another `point: [..., dimension]` on the same draw.

        Costs one call for each lane in `where: [...]` (all, if None); the other lanes receive NaN.
        """

    def map(self, change: Callable[[Tensor], Tensor]) -> "Oracle":
        """Return an oracle that applies `change` to each gradient, such as clipping."""


def _theta_itself(state: Any, theta: Tensor) -> Tensor:
    return theta


class Optimizer(NamedTuple, Generic[S]):
    """An update rule, which a factory returns. Use keywords: further fields may be added."""

    init: Callable[[Tensor], S]
    """theta -> state: a NamedTuple of tensors that begin with theta's leading dimensions."""
    update: Callable[[Oracle, S, Tensor], tuple[Tensor, S]]
    """oracle, state, theta -> next theta, next state; a pure function that changes none of its arguments."""
    answer: Callable[[S, Tensor], Tensor] = _theta_itself
    """state, theta -> the point that is measured: theta, or for example an average of the iterates."""
    full_batch: bool = False
    """The oracle returns the loss and gradient over all samples and without noise, instead of those on a draw."""
    per_trial: bool = False
    """The functions are written for a single trial; the engine applies `torch.func.vmap`."""
    stateful: bool = False
    """Trials run one at a time, with state of any type and hyperparameters as floats, as `torch.optim` needs it."""
    make_draws: Callable[[Generator, int, int], Any] | None = None
    """generator, steps, dimension -> the random draws of a trial's steps, `[steps, …]` in float64 on the CPU.

    `update` reads those of its step as `oracle.draw`. They depend on the seed and the step alone: a random optimizer
    draws here and nowhere else.
    """
    at_rate: Callable[[Hyperparameter], "Optimizer[S]"] | None = None
    """factor -> this rule with its learning rate times the factor, for wrappers that change the rate.

    Set where a wrapper receives an optimizer with a learning rate; factories leave it out.
    """
    needs_exact_gradients: bool = False
    """The rule computes the lengths of its steps from its gradients, as a line search does: wrappers that change
    gradients reject it."""


Wrapper = Callable[..., Optimizer[Any]]
"""A function from an optimizer to an optimizer; its further parameters state hyperparameters, as those of a factory."""

OptimizerFactory = Callable[..., Optimizer[Any]]
"""A function that returns an optimizer; its signature states hyperparameters, defaults and ranges (annotations)."""
