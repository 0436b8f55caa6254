"""A problem with badly scaled coordinates or blocks."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from benchbed.interfaces import TransformedProblem


@dataclass(frozen=True)
class Rescaled(TransformedProblem):
    """Scale the coordinates badly: f(Λφ), with λᵢ = κ^(½ (i − 1)/(d − 1)) from 1 to √κ, and κ the `condition`.

    Curvatures are multiplied by λᵢ², so that a problem with equal curvatures has the condition number κ. It separates
    methods with one learning rate from those that adapt to each coordinate. The start is Λ⁻¹ times the original one.
    With `of=blocks`, all coordinates of a block, such as a layer's weights, have one scale, which grows from block to
    block.

    Source: Λ: Hansen et al. (2009), Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
    Definitions, section 0.2, https://inria.hal.science/inria-00362633.
    """

    condition: float = 1e4
    of: Literal["coordinates", "blocks"] = "coordinates"

    def __post_init__(self) -> None:
        """Raise ValueError unless some scales differ."""
        super().__post_init__()
        if not 1 < self.condition < math.inf:
            raise ValueError(f"condition is {self.condition}; must be a finite number above 1")
        if len(self._sizes) == 1:
            remedy = (
                "write of=coordinates" if self.problem.layout.dimension > 1 else "choose a larger dimension"
            )
            raise ValueError(
                f"the problem has only one of the {self.of}, which cannot be scaled badly; {remedy}"
            )

    def shared_own(self) -> Tensor:
        """Return λ: `[dimension]`."""
        exponents = torch.linspace(0, 0.5, len(self._sizes), dtype=torch.float64)
        scales: Tensor = self.condition**exponents
        return scales.repeat_interleave(torch.tensor(self._sizes))

    def to_original(self, theta: Tensor, own: Tensor) -> Tensor:
        """Compute Λφ: `[..., dimension]`."""
        return theta * own

    def from_original(self, theta: Tensor, own: Tensor) -> Tensor:
        """Compute Λ⁻¹θ: `[..., dimension]`."""
        return theta / own

    @property
    def _sizes(self) -> list[int]:
        """Numbers of coordinates with one scale."""
        layout = self.problem.layout
        return (
            [1] * layout.dimension
            if self.of == "coordinates"
            else list(map(math.prod, layout.blocks.values()))
        )
