"""A problem made of a `torch.nn.Module`, a data set and a loss."""

import functools
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from benchbed.errors import ContractError
from benchbed.interfaces.layout import Layout
from benchbed.interfaces.modules.datasets import (
    DataSet,
    ModuleData,
    ModuleDraw,
    Samples,
    Sizes,
    read_datasets,
)
from benchbed.interfaces.modules.forward import replay, without_noise
from benchbed.interfaces.modules.network import (
    LossOfOutputs,
    Network,
    examine,
    other_tensors,
    trained_parameters,
)
from benchbed.interfaces.problem import BufferedData, Data, Metric, Problem
from benchbed.seeds import DRAW_BLOCK, seeded_modules

Point = Tensor | Mapping[str, Tensor]
"""theta `[dimension]`, or its blocks by name."""
MEASURE = "measure_"
"""Prefix of the methods that are metrics."""


class ModuleProblem(Problem):
    """Training of a network on a data set with mini-batches; subclass as a frozen dataclass.

    Define `make_network`, `make_data` and `loss_of`; a method `measure_NAME(outputs, targets)` that returns one
    number is a metric. Everything else follows: trials start from the network's own initialization, the objective is
    the loss over all training samples in `eval()` mode, the layout has the names and shapes of the parameters, and
    buffers such as running statistics belong to the trial. Values of dropout and other random operations are draws.
    """

    dtype: ClassVar[str] = "float32"
    per_trial: ClassVar[bool] = True
    optimum_is_bound: ClassVar[bool] = True
    scale_instances: ClassVar[int] = 20
    group: ClassVar[str] = "networks"
    batch_size: int = 64
    """Samples of a mini-batch."""
    with_replacement: bool = False
    """Draw the samples independently, instead of in shuffled epochs, whose last incomplete batch is left out."""

    @abstractmethod
    def make_network(self) -> nn.Module:
        """Build a network with its initialization, which draws from torch's global generator."""

    @abstractmethod
    def make_data(self) -> tuple[DataSet, DataSet | None]:  # type: ignore[override]  # both are shared
        """Build the data for training and, unless it is None, for validation.

        Each is a `torch.utils.data.Dataset` or a tuple of tensors `[samples, …]`: the inputs of the network, and the
        targets last. Torch's global generator is seeded.
        """

    @abstractmethod
    def loss_of(self, outputs: Any, targets: Tensor) -> Tensor:
        """Return the mean loss over the samples, a tensor with one number."""

    @property
    def layout(self) -> Layout:
        """The parameters that are trained."""
        return self._network.layout

    @property
    def full_price(self) -> float:
        """Samples / batch size."""
        return _sizes_of(self).samples / self.batch_size

    @property
    def workspace(self) -> int:
        """Numbers of a forward pass over all samples."""
        sizes = _sizes_of(self)
        samples = max(sizes.samples, sizes.validation_samples)
        return max(16 * self.layout.dimension, samples * self._network.numbers_per_sample)

    @property
    def draw_block(self) -> int:
        """A multiple of the steps of an epoch."""
        epoch = self._steps_of_epoch
        return DRAW_BLOCK if self.with_replacement else epoch * max(1, round(DRAW_BLOCK / epoch))

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The loss on the validation data and the methods `measure_NAME`, on them if there are any."""
        functions = {
            name.removeprefix(MEASURE).replace("_", "-"): getattr(self, name)
            for name in dir(type(self))
            if name.startswith(MEASURE)
        }
        if not _sizes_of(self).validation_samples:
            return {f"training-{name}": self._metric_of(function) for name, function in functions.items()}
        functions = {"loss": self.loss_of, **functions}
        return {f"validation-{name}": self._metric_of(function) for name, function in functions.items()}

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """All metrics."""
        return tuple(self.metrics)

    def make_start(self, generator: Generator) -> Tensor:
        """Return the initialization of a new network."""
        parameters = trained_parameters(self.make_network()).values()
        return torch.cat([parameter.detach().flatten().double() for parameter in parameters])

    def make_buffers(self, generator: Generator) -> Data:
        """Return the buffers of the same network that change, by name."""
        if not self._network.buffers:
            return None
        tensors = other_tensors(self.make_network())
        return {name: tensors[name].detach().clone() for name in self._network.buffers}

    def shared_data(self) -> ModuleData:
        """Read both data sets."""
        training, validation = _read_datasets(self)
        return ModuleData(training, validation, self._network.constants)

    def make_draws(self, generator: Generator, steps: int) -> ModuleDraw:
        """Draw mini-batches and the numbers of the network's random operations."""
        samples = _sizes_of(self).samples
        if self.with_replacement:
            positions = torch.randint(samples, (steps, self.batch_size), generator=generator)
        else:
            of_epoch = self._steps_of_epoch
            epochs = [
                torch.randperm(samples, generator=generator)[: of_epoch * self.batch_size]
                for _ in range(-(-steps // of_epoch))
            ]
            positions = torch.cat(epochs).view(-1, self.batch_size)[:steps]
        return ModuleDraw(
            positions, tuple(call.draw(generator, steps) for call in self._network.random_calls)
        )

    def loss(self, theta: Tensor, data: Data, draw: ModuleDraw) -> Tensor:
        """Return the loss on a mini-batch in `train()` mode."""
        return self._train(theta, data, draw)[0]

    def next_buffers(self, theta: Tensor, data: Data, draw: ModuleDraw | None) -> Data:
        """Return the buffers after a forward pass in `train()` mode."""
        return self._train(theta, data, draw)[1]

    def step_of_blocks(
        self, blocks: Mapping[str, Tensor], data: Data, draw: ModuleDraw | None
    ) -> tuple[Tensor, Data]:
        """Return the loss of a step and the next buffers, by one forward pass."""
        if _defines_a_step(type(self)):
            return super().step_of_blocks(blocks, data, draw)
        if draw is None and not self._network.buffers:
            return self._evaluate(self.loss_of, blocks, data, _module_data(data).training), None
        loss, buffers = self._train(blocks, data, draw)
        if any(buffer.requires_grad for buffer in buffers.values()):
            buffers = {name: buffer.detach() for name, buffer in buffers.items()}
        return loss, buffers or None

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Return the loss over all training samples in `eval()` mode."""
        return self._evaluate(self.loss_of, theta, data, _module_data(data).training)

    def full_batch_loss(self, theta: Tensor, data: Data) -> Tensor:
        """Return the loss over all training samples: without noise, and in `train()` mode if there are buffers."""
        return self._train(theta, data, None)[0] if self._network.buffers else self.objective(theta, data)

    @property
    def _network(self) -> Network:
        return _network_of(self)

    @property
    def _steps_of_epoch(self) -> int:
        return _sizes_of(self).samples // self.batch_size

    def _train(self, theta: Point, data: Data, draw: ModuleDraw | None) -> tuple[Tensor, Data]:
        samples, tensors = _module_data(data).training, self._tensors(theta, data)
        if draw is None:
            return self._network.run(self.loss_of, tensors, samples, without_noise, is_training=True)
        samples = tuple([part[draw.positions] for part in samples])
        return self._network.run(self.loss_of, tensors, samples, replay(draw.noise), is_training=True)

    def _evaluate(self, function: LossOfOutputs, theta: Point, data: Data, samples: Samples) -> Tensor:
        tensors = self._tensors(theta, data)
        return self._network.run(function, tensors, samples, without_noise, is_training=False)[0]

    def _metric_of(self, function: LossOfOutputs) -> Metric:
        def metric(theta: Tensor, data: Data) -> Tensor:
            module_data = _module_data(data)
            return self._evaluate(function, theta, data, module_data.validation or module_data.training)

        return metric

    def _tensors(self, theta: Point, data: Data) -> dict[str, Tensor]:
        buffers = data.buffers if isinstance(data, BufferedData) else {}
        if isinstance(theta, Tensor):
            blocks: Mapping[str, Tensor] = self.layout.views(theta)
            # Where theta alone is mapped, as over directions, torch writes mapped values only into mapped buffers.
            zero = torch.zeros_like(theta[..., 0])
            buffers = {name: buffer + zero.to(buffer.dtype) for name, buffer in buffers.items()}
        else:
            blocks = theta
        return {**blocks, **buffers, **_module_data(data).constants}


@functools.cache
def _defines_a_step(problem_class: type[ModuleProblem]) -> bool:
    """Return whether a subclass defines a method of which a step consists."""
    names = ("loss", "full_batch_loss", "objective", "next_buffers")
    return any(getattr(problem_class, name) is not getattr(ModuleProblem, name) for name in names)


def _module_data(data: Data) -> ModuleData:
    return data.data if isinstance(data, BufferedData) else data  # type: ignore[no-any-return]  # data are Any


def _read_datasets(problem: ModuleProblem) -> tuple[Samples, Samples | None]:
    with seeded_modules(0):
        return read_datasets(problem.make_data())


@functools.lru_cache(maxsize=8)
def _sizes_of(problem: ModuleProblem) -> Sizes:
    """Return the sizes of the data, which are read again where they are used: this would keep them in memory."""
    training, validation = _read_datasets(problem)
    count, size = len(training[0]), problem.batch_size
    if not 1 <= size <= count:
        raise ContractError(f"batch_size is {size}; it must be between 1 and the {count} training samples")
    first_batch = tuple(part[:size].clone() for part in training)
    return Sizes(count, len(validation[0]) if validation else 0, first_batch)


@functools.lru_cache(maxsize=8)
def _network_of(problem: ModuleProblem) -> Network:
    return examine(problem.make_network, _sizes_of(problem).first_batch, problem.loss_of)
