"""A deep network that learns a polynomial in ten dimensions from mini-batches."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Generator, Tensor
from torch.linalg import vector_norm
from torch.nn import functional

from benchbed.interfaces import Layout, Metric, Problem, rows, target_ladder

DATA_SEED = 0
DEGREE = 5
TEST_SAMPLES = 1_024
DIAGONAL_POINTS = 201


def gelu_tanh(x: Tensor) -> Tensor:
    """Give GELU in its tanh form, ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).

    Source: Hendrycks & Gimpel (2016), Gaussian Error Linear Units, section 2, arXiv:1606.08415.
    """
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return functional.gelu(x, approximate="tanh")
    # ½ (1 + tanh u) is the logistic function of 2u, which takes a third of the time on a CPU. Where a gradient
    # is wanted, the steps in between would have to be kept, and nothing is gained.
    inner = torch.addcmul(x, x * x, x, value=0.044715)
    return x * torch.sigmoid(inner * math.sqrt(8 / math.pi))


ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu-tanh": gelu_tanh,
    "gelu": functional.gelu,
    "relu": functional.relu,
    "tanh": torch.tanh,
    "silu": functional.silu,
}


class PolynomialSamples(NamedTuple):
    """Training, test and diagonal points, `[samples, dimension]`, and their values, `[samples, 1]`."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor
    diagonal_x: Tensor
    diagonal_y: Tensor


@dataclass(frozen=True)
class PolynomialNetwork(Problem):
    """Minimize ½ mean (network(x) − f(x))², with f(x) = mean_i p(x_i) and p(x) = Π_{k=1..5} (x − r_k).

    The roots r_k are standard normal and the `samples` points x uniform on [−1, 1]^dimension, drawn once for
    all instances; an instance is the network's first weights and its mini-batches of `batch_size`, drawn with
    replacement. The network is `dimension` → `hidden` → 1 with `activation` between; θ holds, layer by layer,
    weight and bias as `torch.nn.Linear` does, and is drawn as it draws them. The data is free of noise, so 0
    is a lower bound of the objective, and stands for the optimum; whether any weights attain it is not known.

    Source: the course's deep network, 10 → 32 → 32 → 1 with GELU, 1 441 parameters, 100 000 samples, batches
    of 128, Adam at η = 1e-3 for 300 000 steps; first weights: `torch.nn.Linear`,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.
    """

    dimension: int = 10
    samples: int = 100_000
    hidden: tuple[int, ...] = (32, 32)
    activation: Literal["gelu-tanh", "gelu", "relu", "tanh", "silu"] = "gelu-tanh"
    batch_size: int = 128

    dtype = "float32"
    budget = 30_000
    # A step takes some fifty times as long as the other problems': the usual cap would be too much.
    preset_budgets: ClassVar[Mapping[str, int]] = {"standard": 500, "quick": 200}
    scale_instances = 20
    optimum_is_bound = True

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        for name in ("dimension", "samples", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden is {list(self.hidden)}; give widths of at least 1, such as [32, 32]")
        if self.batch_size > self.samples:
            raise ValueError(
                f"batch_size is {self.batch_size}, above samples, {self.samples}; give a smaller batch"
            )

    @property
    def layout(self) -> Layout:
        """Weight and bias of each layer, in the order of `torch.nn.Sequential.parameters()`."""
        blocks: dict[str, tuple[int, ...]] = {}
        widths = (self.dimension, *self.hidden, 1)
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
            blocks[f"weight{layer}"] = (fan_out, fan_in)
            blocks[f"bias{layer}"] = (fan_out,)
        return Layout(blocks)

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴: the gradients are those of mini-batches."""
        return target_ladder(0.5)

    @property
    def full_price(self) -> float:
        """Samples / batch size."""
        return self.samples / self.batch_size

    @property
    def workspace(self) -> int:
        """Before and after each hidden unit's activation, for all samples, there and back."""
        return self.samples * max(sum(self.hidden), 1) * 4

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss` on unseen points, and `diagonal-error`, ‖network − p‖ / ‖p‖ on x = (z, …, z)."""
        return {"test-loss": self._test_loss, "diagonal-error": self._diagonal_error}

    def make_start(self, generator: Generator) -> Tensor:
        """Draw weights and biases from U(−1/√fan_in, 1/√fan_in): `[parameters]`."""
        blocks = self.layout.blocks
        pieces = []
        for name, shape in blocks.items():
            bound = 1 / math.sqrt(blocks[name.replace("bias", "weight")][1])
            pieces.append(_uniform(generator, bound, math.prod(shape)))
        return torch.cat(pieces)

    def shared_data(self) -> PolynomialSamples:
        """Draw the polynomial, then the test points, then the samples, the same ones at every call.

        Samples come last, so that problems that differ only in their number share the rest.
        """
        generator = Generator().manual_seed(DATA_SEED)
        roots = torch.randn(DEGREE, generator=generator, dtype=torch.float64)
        test_x = _uniform(generator, 1, TEST_SAMPLES, self.dimension)
        x = _uniform(generator, 1, self.samples, self.dimension)
        z = torch.linspace(-1, 1, DIAGONAL_POINTS, dtype=torch.float64).unsqueeze(-1)
        diagonal_x = z.expand(-1, self.dimension).contiguous()
        return PolynomialSamples(
            x, _polynomial(x, roots), test_x, _polynomial(test_x, roots), diagonal_x, _polynomial(z, roots)
        )

    def make_draws(self, generator: Generator, steps: int) -> Tensor:
        """Draw the mini-batches' indices, with replacement: `[steps, batch_size]`."""
        return torch.randint(self.samples, (steps, self.batch_size), generator=generator)

    def loss(self, theta: Tensor, data: PolynomialSamples, draw: Tensor) -> Tensor:
        """Give ½ the mean squared error on a mini-batch, `[...]`."""
        return self._half_mean_square(theta, rows(data.x, draw), rows(data.y, draw))

    def objective(self, theta: Tensor, data: PolynomialSamples) -> Tensor:
        """Give ½ the mean squared error over all samples, `[...]`."""
        return self._half_mean_square(theta, data.x, data.y)

    def optimum(self, data: PolynomialSamples) -> Tensor:
        """Give 0, a lower bound."""
        return torch.zeros_like(data.y[0, 0])

    def predict(self, theta: Tensor, x: Tensor) -> Tensor:
        """Give the network's values at `x: [..., samples, dimension]`: `[..., samples]`."""
        views = self.layout.views(theta)
        activate = ACTIVATIONS[self.activation]
        # Features before samples: the weights then multiply from the left, as they lie in theta; the
        # fastest of the orders tried.
        values = x.mT
        for layer in range(1, len(self.hidden) + 2):
            if layer > 1:
                values = activate(values)
            values = views[f"weight{layer}"] @ values + views[f"bias{layer}"].unsqueeze(-1)
        return values.squeeze(-2)

    def _half_mean_square(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return 0.5 * (self.predict(theta, x) - y.squeeze(-1)).square().mean(-1)

    def _test_loss(self, theta: Tensor, data: PolynomialSamples) -> Tensor:
        return self._half_mean_square(theta, data.test_x, data.test_y)

    def _diagonal_error(self, theta: Tensor, data: PolynomialSamples) -> Tensor:
        exact = data.diagonal_y.squeeze(-1)
        relative: Tensor = vector_norm(self.predict(theta, data.diagonal_x) - exact, dim=-1) / vector_norm(
            exact
        )
        return relative


def _uniform(generator: Generator, bound: float, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)


def _polynomial(x: Tensor, roots: Tensor) -> Tensor:
    return (x.unsqueeze(-1) - roots).prod(-1).mean(-1, keepdim=True)
