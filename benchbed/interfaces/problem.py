"""The types of a problem and of its metrics."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from benchbed.errors import UnknownOptimumError
from benchbed.interfaces.gradient import Gradient
from benchbed.interfaces.layout import Layout
from benchbed.interfaces.references import find_reference
from benchbed.seeds import DRAW_BLOCK

Data = Any
"""The value of `make_data` or `shared_data`: None, a tensor, or a (named) tuple of tensors."""


class BufferedData(NamedTuple):
    """The data that functions of a problem with buffers receive."""

    data: Data
    """The value of `make_data` or `shared_data`."""
    buffers: Data
    """The trial's buffers, as `make_buffers` or `next_buffers` returned them."""


Metric = Callable[[Tensor, Data], Tensor]
"""theta `[..., dimension]`, data of the instances -> `[...]`."""

START_IN_BASIN = "start_in_basin"
"""Name among a trial's metrics of `in_basin` at its start, 1 or 0; no other metric may have it."""


def target_ladder(decades: float, count: int = 8) -> tuple[float, ...]:
    """Return the targets 10^(−decades·k) for k = 1 … count (protocol, rule 4)."""
    return tuple(float(f"{10 ** (-decades * k):.12g}") for k in range(1, count + 1))


class Problem(ABC):
    """A family of losses; subclass as a frozen dataclass whose fields are its parameters.

    A field's type limits the values in a selector: `int`, `float`, `bool`, `str`, `Literal`, tuples and unions of
    them. `__post_init__` raises ValueError if values do not fit together. Methods return tensors in float64 (or
    integers) on the CPU; the engine moves them to the device and dtype of the run.
    """

    dtype: ClassVar[str] = "float64"
    """Floating-point type of a run, "float64" or "float32"; the user may choose another."""
    budget: ClassVar[int] = 5_000
    """Calls that a trial may spend in the preset `full`."""
    preset_budgets: ClassVar[Mapping[str, int]] = {}
    """Calls in a smaller preset, instead of its usual cap."""
    optimum_is_bound: ClassVar[bool] = False
    """`optimum` is a lower bound that may not be attained; tables then show how close the best optimizer came."""
    is_convex: ClassVar[bool] = False
    """The objective is convex, so that a small gradient certifies a reference value (`benchbed reference value`)."""
    scale_instances: ClassVar[int] = 1_000
    """Instances whose median f₀ − f* is the unit of the gap (protocol, rule 3)."""
    target_metric: ClassVar[str] = ""
    """Name of a metric whose values are the targets; then no optimum is needed for a score. "": targets are gaps."""
    per_trial: ClassVar[bool] = False
    """`loss`, `objective` and metrics are written for a single trial; the engine applies `torch.func.vmap`."""
    score_start: ClassVar[float] = 1e-4
    """Share of the budget at which the logarithmic axis of the score starts, in (0, 1); calls before it cost nothing.

    Under strong noise 0.01 is fairer: an axis from call 1 on charges momentum's first ten calls against it.
    """
    changes_gradients: ClassVar[bool] = False
    """`change_gradient` returns other gradients than those of the loss."""
    group: ClassVar[str] = "other"
    """What the problem isolates: noise, geometry, tails, spectrum, networks, accuracy, or a name of your own.

    Tables compare optimizers within each group before they average over groups. It never changes a trial.
    """

    @property
    @abstractmethod
    def layout(self) -> Layout:
        """Named blocks of theta."""

    @property
    def targets(self) -> Sequence[float]:
        """Gaps to reach, from large to small; eight by convention (protocol, rule 4).

        With `target_metric`, two or more values of the metric from easy to hard: rising if higher is better, falling if
        lower is.
        """
        return target_ladder(1)

    @property
    def success_target(self) -> float:
        """The target that defines the success rate: 10⁻³, or 10⁻¹ if the smallest target is above 10⁻³.

        With `target_metric`, the hardest one.
        """
        if self.target_metric:
            return self.targets[-1]
        return 1e-3 if self.targets[-1] <= 1e-3 else 1e-1

    @property
    def full_price(self) -> float | None:
        """Price of a full gradient in calls: samples / batch size; None for synthetic noise."""
        return 1.0

    @property
    def workspace(self) -> int:
        """Numbers that one trial's objective keeps in memory at once; the engine sizes its tiles by it."""
        return 16 * self.layout.dimension

    @property
    def start_strata(self) -> int:
        """Kinds of starts, such as the valleys of a landscape; all have equally many instances, see `place_start`."""
        return 1

    @property
    def draw_block(self) -> int:
        """Steps whose draws one call of `make_draws` makes; whole epochs, if samples are shuffled."""
        return DRAW_BLOCK

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Further metrics of the final point, by name."""
        return {}

    @property
    def curve_metrics(self) -> Sequence[str]:
        """Names of the metrics that are measured at every checkpoint; by default the one with targets."""
        return (self.target_metric,) if self.target_metric else ()

    @abstractmethod
    def make_start(self, generator: Generator) -> Tensor:
        """Draw the start of one instance: `[dimension]`."""

    def place_start(self, start: Tensor, stratum: int) -> Tensor:
        """Move a drawn start `[dimension]` into a stratum in [0, start_strata); instance k has k modulo start_strata.

        A few tuning seeds then meet every kind of start, and choose a learning rate that works on all of them.
        """
        return start

    def start_on(self, start: Tensor, data: Data) -> Tensor:
        """Move drawn starts `[..., dimension]` to where they lie on the data of their instances; transforms need it."""
        return start

    def make_data(self, generator: Generator) -> Data:
        """Draw the data of one instance; the loss receives it as `[seeds, 1, …]`."""
        return None

    def shared_data(self) -> Data:
        """Build one data set for all instances; the loss receives it without leading dimensions."""
        return None

    def make_draws(self, generator: Generator, steps: int) -> Data:
        """Draw the batch indices or noise of one instance's steps, `[steps, …]`; None if steps are deterministic."""
        return None

    def make_buffers(self, generator: Generator) -> Data:
        """Build the buffers of one instance at its start, such as running statistics; None without buffers.

        Each trial then carries its own buffers, and `data` is a `BufferedData` in every function that takes theta.
        Torch's global generator has the state that it has at the beginning of `make_start`.
        """
        return None

    def next_buffers(self, theta: Tensor, data: Data, draw: Data) -> Data:
        """Return the buffers after a step that begins at theta; `draw` is None for `full_batch` rules."""
        return data.buffers

    def step_of_blocks(self, blocks: Mapping[str, Tensor], data: Data, draw: Data) -> tuple[Tensor, Data]:
        """Return the loss of a step of one trial, and the next buffers, at the blocks of theta by name.

        `draw` is None for `full_batch` rules. Torch classes, whose parameters are these blocks, step by it. Override it
        where theta is taken apart anyway, or where one computation yields loss and buffers.
        """
        theta = self.layout.join(blocks)
        loss = self.full_batch_loss(theta, data) if draw is None else self.loss(theta, data, draw)
        return loss, self.next_buffers(theta.detach(), data, draw) if isinstance(data, BufferedData) else None

    def loss(self, theta: Tensor, data: Data, draw: Data) -> Tensor:
        """Return the loss `[...]` on the draw of one step; by default the objective."""
        return self.objective(theta, data)

    @abstractmethod
    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Return the noise-free loss `[...]` over all samples, which is measured."""

    def full_batch_loss(self, theta: Tensor, data: Data) -> Tensor:
        """Return the loss `[...]` over all samples that `full_batch` rules see; by default the objective."""
        return self.objective(theta, data)

    def change_gradient(self, gradient: Gradient) -> Gradient:
        """Return the method that computes the gradients of steps, given the one that the run selects.

        A transform that rounds gradients changes it. Return the same object for equal arguments: compiled steps are
        cached by it.
        """
        return gradient

    def optimum(self, data: Data) -> Tensor | None:
        """Return the minimum of the objective, `[...]`, or None if it is unknown.

        By default the value that `benchbed reference value` stored for this code, these parameters and these data.
        """
        try:
            reference = find_reference(self, data)
        except UnknownOptimumError:  # the plan of the study has a warning with the reason
            return None
        return None if reference is None else torch.tensor(reference.value, dtype=torch.float64)

    def minimizer(self, data: Data) -> Tensor | None:
        """Return a point `[..., dimension]` that attains the optimum, or None if none is known."""
        return None

    def in_basin(self, theta: Tensor, data: Data) -> Tensor | None:
        """Return whether the gradient flow from theta ends in a minimizer that attains the optimum: bool `[...]`.

        On problems with several minima, success rates are compared with the share of such starts. None if there is
        only one minimum, or if the basin is unknown.
        """
        return None


class RegisteredMetric(Protocol):
    """A metric of many problems; None where it does not apply."""

    def __call__(self, problem: Problem, theta: Tensor, data: Data) -> Tensor | None:
        """Return the metric of `theta: [..., dimension]`, `[...]`."""
