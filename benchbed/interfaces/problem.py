"""State what a problem is, and what measures it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from torch import Generator, Tensor

from benchbed.interfaces.layout import Layout

Data = Any
"""What `make_data` or `shared_data` returns: None, a tensor, or a (named) tuple of tensors."""

Metric = Callable[[Tensor, Data], Tensor]
"""A measure of `theta: [..., dimension]` on an instance's data, giving `[...]`."""

START_IN_BASIN = "start_in_basin"
"""Among a trial's metrics, what `in_basin` says of its start, 1 or 0; no metric of a problem has this name."""


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
    optimum_is_bound: ClassVar[bool] = False
    """What `optimum` gives is a lower bound, which perhaps nothing attains; tables then say how near anyone came."""
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

    def in_basin(self, theta: Tensor, data: Data) -> Tensor | None:
        """Tell, bool `[...]`, whether the gradient flow from theta ends in a minimizer that attains the optimum.

        The share of such starts is what a success rate is compared with where there are several minima; None where
        there are not, or where it cannot be told.
        """
        return None


class RegisteredMetric(Protocol):
    """A metric that serves many problems; None where it does not apply."""

    def __call__(self, problem: Problem, theta: Tensor, data: Data) -> Tensor | None:
        """Measure `theta: [..., dimension]`, giving `[...]`."""
