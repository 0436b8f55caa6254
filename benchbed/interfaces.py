"""State the contract that plugins implement, and nothing else.

Functions are batch-polymorphic: `theta: [..., dimension]` in, `[...]` out, indexed from the right. In the
engine the leading dimensions are `[seeds, settings]`; alone they are empty.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import torch
from torch import Generator, Tensor

Hyperparameter = Tensor | float
"""A number that differs between the lanes of a batch: a tensor `[..., 1]` in the engine."""

Data = Any
"""What `make_data` or `shared_data` returns: None, a tensor, or a (named) tuple of tensors."""

Metric = Callable[[Tensor, Data], Tensor]
"""A measure of `theta: [..., dimension]` on an instance's data, giving `[...]`."""

S = TypeVar("S")


@dataclass(frozen=True)
class LogUniform:
    """Search a hyperparameter between `low` and `high` on a logarithmic scale; any finite value ≥ 0 is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return math.isfinite(value) and value >= 0


@dataclass(frozen=True)
class Uniform:
    """Search a hyperparameter between `low` and `high` on a linear scale; any finite value is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return math.isfinite(value)


@dataclass(frozen=True)
class OneMinusLogUniform:
    """Search 1 − value between `low` and `high` on a logarithmic scale (decay rates); 0 ≤ value < 1 is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return 0 <= value < 1


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
    oracle: Literal["full", "stochastic"] = "stochastic"
    """Which gradient the rule consumes: over all samples without noise, or on a draw."""
    per_trial: bool = False
    """Written for a single trial; the engine applies `torch.func.vmap`."""
    stateful: bool = False
    """Run one trial at a time with any state, hyperparameters as floats: a `torch.optim.Optimizer` as it is."""


OptimizerFactory = Callable[..., Optimizer[Any]]
"""A function whose signature is the schema: names, defaults, and ranges as annotations."""


@dataclass(frozen=True)
class Layout:
    """Name the blocks of theta, in order, each with its shape: `Layout({"weight": (32, 10), "bias": (32,)})`."""

    blocks: Mapping[str, tuple[int, ...]]

    @property
    def dimension(self) -> int:
        """Number of parameters: the length of theta."""
        return sum(math.prod(shape) for shape in self.blocks.values())

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """Cut `theta: [..., dimension]` into its blocks `[..., *shape]`, without copying."""
        sizes = [math.prod(shape) for shape in self.blocks.values()]
        pieces = theta.split(sizes, dim=-1)
        return {
            name: piece.unflatten(-1, shape) if shape else piece.squeeze(-1)
            for (name, shape), piece in zip(self.blocks.items(), pieces, strict=True)
        }

    def join(self, views: Mapping[str, Tensor]) -> Tensor:
        """Put blocks `[..., *shape]` together again into `[..., dimension]`: the inverse of `views`."""
        return torch.cat(
            [
                views[name].flatten(-len(shape)) if shape else views[name].unsqueeze(-1)
                for name, shape in self.blocks.items()
            ],
            dim=-1,
        )


def target_ladder(decades: float, count: int = 8) -> tuple[float, ...]:
    """List the targets 10^(−decades·k) for k = 1 … count (protocol, rule 4)."""
    return tuple(float(f"{10 ** (-decades * k):.12g}") for k in range(1, count + 1))


class Problem(ABC):
    """Describe a family of losses; subclass as a frozen dataclass whose fields are its parameters.

    A field's type is what a selector may say (`int`, `float`, `bool`, `str`, `Literal`, tuples and unions of
    them); `__post_init__` raises ValueError where values do not fit together. Tensors that methods make are
    float64 (or integer) on the CPU; the engine moves them to the device and dtype of the run.
    """

    dtype: ClassVar[str] = "float64"
    """Arithmetic of a run, unless the user says otherwise: "float64" or "float32"."""
    budget: ClassVar[int] = 5_000
    """Calls of the full preset."""
    preset_budgets: ClassVar[Mapping[str, int]] = {}
    """Calls of a smaller preset, where its usual cap does not fit."""
    scale_instances: ClassVar[int] = 1_000
    """Instances whose median f₀ − f* is the unit of the gap (protocol, rule 3)."""
    per_trial: ClassVar[bool] = False
    """`loss`, `objective` and the metrics are written for one trial; the engine applies `torch.func.vmap`."""

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Named blocks of theta."""

    @property
    def targets(self) -> Sequence[float]:
        """Gaps, falling, whose calls are counted; eight by convention (protocol, rule 4)."""
        return target_ladder(1)

    @property
    def success_target(self) -> float:
        """The target that success rates are about: 10⁻³, or 10⁻¹ where the list ends above 10⁻³."""
        return 1e-3 if self.targets[-1] <= 1e-3 else 1e-1

    @property
    def full_price(self) -> float | None:
        """Calls that a full gradient costs: samples / batch size; None where the noise is synthetic."""
        return 1.0

    @property
    def workspace(self) -> int:
        """Numbers that one trial's objective keeps alive at once; the engine tiles by it."""
        return 16 * self.layout.dimension

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Further measures of the final point, by name."""
        return {}

    @abstractmethod
    def make_start(self, generator: Generator) -> Tensor:
        """Draw one instance's start: `[dimension]`."""

    def make_data(self, generator: Generator) -> Data:
        """Draw one instance's data; it reaches the loss as `[seeds, 1, …]`."""
        return None

    def shared_data(self) -> Data:
        """Make one data set for all instances; it reaches the loss without leading dimensions."""
        return None

    def make_draws(self, generator: Generator, steps: int) -> Data:
        """Draw what the steps of one instance see, `[steps, …]`: batch indices or noise; None if nothing is random."""
        return None

    def loss(self, theta: Tensor, data: Data, draw: Data) -> Tensor:
        """Give the loss `[...]` on one step's draw; the objective itself where nothing is drawn."""
        return self.objective(theta, data)

    @abstractmethod
    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Give the noise-free loss `[...]` over all samples: what is measured, and what the full oracle sees."""

    def optimum(self, data: Data) -> Tensor | None:
        """Give the least value of the objective, `[...]`, or None where it is unknown."""
        return None

    def minimizer(self, data: Data) -> Tensor | None:
        """Give a point `[..., dimension]` that attains the optimum, or None where none is known."""
        return None


def rows(x: Tensor, index: Tensor) -> Tensor:
    """Gather samples: `x: [..., samples, features]`, `index: [..., batch]` give `[..., batch, features]`.

    Works for shared data (no leading dimensions), for data of each seed, and under `torch.func.vmap`.
    """
    if x.dim() == 2:
        return x[index]
    return torch.take_along_dim(x, index.unsqueeze(-1), dim=-2)


class RegisteredMetric(Protocol):
    """A metric that serves many problems; None where it does not apply."""

    def __call__(self, problem: Problem, theta: Tensor, data: Data) -> Tensor | None:
        """Measure `theta: [..., dimension]`, giving `[...]`."""


class Gradient(Protocol):
    """A way to differentiate: what a run uses to answer its oracle calls."""

    def __call__(self, function: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[Tensor, Tensor]:
        """Give `function(theta): [...]` and its gradient `[..., dimension]`, lane by lane."""
