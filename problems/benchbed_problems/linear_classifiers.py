"""Base class of penalized linear classification of real data, whose optimum Newton's method certifies."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Metric, Problem, take_samples, target_ladder
from benchbed_problems.newton import Derivatives, minimize_convex
from benchbed_problems.real_data import SHIPPED, read_data, standardize, training_positions


class ClassifiedSamples(NamedTuple):
    """Samples, `[samples, features]`, with labels, `[samples, outputs]`, and the minimizer, `[dimension]`."""

    x: Tensor
    labels: Tensor
    test_x: Tensor
    test_labels: Tensor
    minimizer: Tensor


class LinearClassifier(Problem):
    """Mean loss of W x + b over the training samples, plus ½ `penalty` ‖θ‖², θ = (W, b).

    A subclass is a frozen dataclass with the fields `batch_size`, `penalty` and `standardized`.
    """

    batch_size: int | None
    penalty: float
    standardized: bool

    data_name: ClassVar[str]
    outputs: ClassVar[int]

    def __post_init__(self) -> None:
        """Raise ValueError for a penalty of 0, where no minimizer may exist, or an impossible batch."""
        if not 0 < self.penalty < float("inf"):
            raise ValueError(f"penalty is {self.penalty}; must be a finite number above 0")
        if self.batch_size is not None and not 1 <= self.batch_size <= self.samples:
            raise ValueError(
                f"batch_size is {self.batch_size}; must be between 1 and the {self.samples} training samples, or None"
            )

    @abstractmethod
    def make_labels(self, classes: Tensor) -> Tensor:
        """Return the labels of `classes: [samples]`: `[samples, outputs]`."""

    @abstractmethod
    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of each sample of `[..., samples, outputs]`: `[..., samples]`."""

    @abstractmethod
    def is_correct(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return whether each sample of `[..., samples, outputs]` is classified correctly: `[..., samples]`."""

    @abstractmethod
    def curvature(self, logits: Tensor) -> Tensor:
        """Compute the Hessian of each sample's loss in its logits: `[samples, outputs, outputs]`."""

    @property
    def samples(self) -> int:
        """Number of training samples."""
        return len(training_positions(self.data_name))

    @property
    def layout(self) -> Layout:
        """Weights and biases, as in `torch.nn.Linear`."""
        features = SHIPPED[self.data_name].features
        return Layout({"weight": (self.outputs, features), "bias": (self.outputs,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁸ with full batches, to 10⁻⁴ with mini-batches."""
        return target_ladder(1 if self.batch_size is None else 0.5)

    @property
    def full_price(self) -> float:
        """Samples / batch size."""
        return 1.0 if self.batch_size is None else self.samples / self.batch_size

    @property
    def workspace(self) -> int:
        """Logits and their gradients of all samples."""
        return 16 * self.layout.dimension + 8 * self.samples * self.outputs

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss` without the penalty, and `test-accuracy`."""
        return {"test-loss": self._test_loss, "test-accuracy": self._test_accuracy}

    @property
    def curve_metrics(self) -> tuple[str, ...]:
        """All metrics."""
        return tuple(self.metrics)

    def make_start(self, generator: Generator) -> Tensor:
        """Draw from N(0, 0.1²): `[dimension]`."""
        return 0.1 * torch.randn(self.layout.dimension, generator=generator, dtype=torch.float64)

    def make_draws(self, generator: Generator, steps: int) -> Tensor | None:
        """Draw the indices of the mini-batches with replacement: `[steps, batch_size]`, or None for full batches."""
        if self.batch_size is None:
            return None
        return torch.randint(self.samples, (steps, self.batch_size), generator=generator)

    def shared_data(self) -> ClassifiedSamples:
        """Read the samples, and compute the minimizer by Newton's method."""
        data = read_data(self.data_name)
        if self.standardized:
            data = standardize(data)
        labels, test_labels = self.make_labels(data.y), self.make_labels(data.test_y)
        start = torch.zeros(self.layout.dimension, dtype=torch.float64)
        minimizer = minimize_convex(lambda theta: self._derivatives(theta, data.x, labels), start)
        return ClassifiedSamples(data.x, labels, data.test_x, test_labels, minimizer)

    def loss(self, theta: Tensor, data: ClassifiedSamples, draw: Tensor | None) -> Tensor:
        """Compute the penalized mean loss of a mini-batch: `[...]`."""
        if draw is None:
            return self.objective(theta, data)
        return self._penalized(theta, take_samples(data.x, draw), take_samples(data.labels, draw))

    def objective(self, theta: Tensor, data: ClassifiedSamples) -> Tensor:
        """Compute the penalized mean loss of all training samples: `[...]`."""
        return self._penalized(theta, data.x, data.labels)

    def optimum(self, data: ClassifiedSamples) -> Tensor:
        """Compute the objective at the minimizer."""
        return self.objective(data.minimizer, data)

    def minimizer(self, data: ClassifiedSamples) -> Tensor:
        """Return the minimizer: `[dimension]`."""
        return data.minimizer

    def _penalized(self, theta: Tensor, x: Tensor, labels: Tensor) -> Tensor:
        mean = self.losses(self._logits(theta, x), labels).mean(-1)
        return mean + 0.5 * self.penalty * theta.square().sum(-1)

    def _logits(self, theta: Tensor, x: Tensor) -> Tensor:
        views = self.layout.views(theta)
        return torch.einsum("...sf,...of->...so", x, views["weight"]) + views["bias"].unsqueeze(-2)

    def _derivatives(self, theta: Tensor, x: Tensor, labels: Tensor) -> Derivatives:
        gradient, value = torch.func.grad_and_value(self._penalized)(theta, x, labels)
        curvature = self.curvature(self._logits(theta, x)) / len(x)
        design = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], -1)
        # The block of outputs o and p is Xᵀ diag(curvature[:, o, p]) X, with a last row and column for the biases.
        outputs = range(self.outputs)
        blocks = [[design.mT @ (curvature[:, o, p, None] * design) for p in outputs] for o in outputs]
        hessian = torch.cat([torch.cat(row, -1) for row in blocks])
        # In θ the weights of all outputs come before all biases.
        order = torch.arange(len(hessian)).view(self.outputs, -1)
        order = torch.cat([order[:, :-1].flatten(), order[:, -1]])
        penalty = self.penalty * torch.eye(len(hessian), dtype=x.dtype)
        return Derivatives(value, gradient, hessian[order][:, order] + penalty)

    def _test_loss(self, theta: Tensor, data: ClassifiedSamples) -> Tensor:
        return self.losses(self._logits(theta, data.test_x), data.test_labels).mean(-1)

    def _test_accuracy(self, theta: Tensor, data: ClassifiedSamples) -> Tensor:
        return self.is_correct(self._logits(theta, data.test_x), data.test_labels).to(theta.dtype).mean(-1)
