"""A deep network fitted to a polynomial in ten dimensions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Generator, Tensor
from torch.linalg import vector_norm

from benchbed.interfaces import Metric, target_ladder
from benchbed_problems.networks import NetworkFit, uniform

DATA_SEED = 0
DEGREE = 5
TEST_SAMPLES = 1_024
DIAGONAL_POINTS = 201


class PolynomialSamples(NamedTuple):
    """Training, test and diagonal points, `[samples, dimension]`, with their values, `[samples, 1]`."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor
    diagonal_x: Tensor
    diagonal_y: Tensor


@dataclass(frozen=True)
class PolynomialNetwork(NetworkFit):
    """Fit of a polynomial: L(θ) = ½ mean (network(x) − f(x))², f(x) = mean_i p(x_i), p(x) = Π_{k=1..5} (x − r_k).

    The roots r_k are standard normal and the `samples` points x uniform on [−1, 1]^dimension, drawn once for
    all instances. An instance consists of the initial weights and the mini-batches of `batch_size`, drawn with
    replacement. The network has the widths `dimension`, `hidden`, 1 with `activation` between the layers; θ contains
    weight and bias of each layer in the layout and from the distribution of `torch.nn.Linear`. The data has no
    noise, so 0 is a lower bound of the objective and is used as the optimum; it is not known whether any weights
    attain it.

    Source: the course's deep network, 10 → 32 → 32 → 1 with GELU, 1 441 parameters, 100 000 samples, batches
    of 128, Adam at η = 1e-3 for 300 000 steps; initial weights: `torch.nn.Linear`,
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html.
    """

    dimension: int = 10
    samples: int = 100_000
    hidden: tuple[int, ...] = (32, 32)
    activation: Literal["gelu-tanh", "gelu", "relu", "tanh", "silu"] = "gelu-tanh"
    batch_size: int = 128

    dtype = "float32"
    budget = 20_000
    preset_budgets: ClassVar[Mapping[str, int]] = {"quick": 1_000, "standard": 2_000}
    optimum_is_bound = True

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        super().__post_init__()
        if self.dimension < 1:
            raise ValueError(f"dimension is {self.dimension}; must be at least 1")
        if any(width < 1 for width in self.hidden):
            raise ValueError(
                f"hidden is {list(self.hidden)}; widths must be at least 1, for example [32, 32]"
            )

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻², because the best optimizers do not come closer within the budget."""
        return target_ladder(0.25)

    @property
    def widths(self) -> tuple[int, ...]:
        """`dimension`, `hidden`, 1."""
        return (self.dimension, *self.hidden, 1)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """`test-loss` on unseen points, and `diagonal-error`, ‖network − p‖ / ‖p‖ on x = (z, …, z)."""
        return {**super().metrics, "diagonal-error": self._diagonal_error}

    def shared_data(self) -> PolynomialSamples:
        """Draw the polynomial, the test points and the samples from a fixed seed.

        Samples come last, so that problems with different numbers of them share polynomial and test points.
        """
        generator = Generator().manual_seed(DATA_SEED)
        roots = torch.randn(DEGREE, generator=generator, dtype=torch.float64)
        test_x = uniform(generator, 1, TEST_SAMPLES, self.dimension)
        x = uniform(generator, 1, self.samples, self.dimension)
        z = torch.linspace(-1, 1, DIAGONAL_POINTS, dtype=torch.float64).unsqueeze(-1)
        diagonal_x = z.expand(-1, self.dimension).contiguous()
        return PolynomialSamples(
            x, _polynomial(x, roots), test_x, _polynomial(test_x, roots), diagonal_x, _polynomial(z, roots)
        )

    def _diagonal_error(self, theta: Tensor, data: PolynomialSamples) -> Tensor:
        exact = data.diagonal_y.squeeze(-1)
        relative: Tensor = vector_norm(self.predict(theta, data.diagonal_x) - exact, dim=-1) / vector_norm(
            exact
        )
        return relative


def _polynomial(x: Tensor, roots: Tensor) -> Tensor:
    return (x.unsqueeze(-1) - roots).prod(-1).mean(-1, keepdim=True)
