"""A problem made of a function and a start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from benchbed.interfaces.layout import Layout
from benchbed.interfaces.problem import Data, Problem


@dataclass(frozen=True, eq=False)
class FunctionProblem(Problem):
    """Minimize a function from one start, for `benchbed.run(problems=[FunctionProblem(function, start)])`.

    `function` takes a tensor in the shape of `start` and returns one number, by operations of torch that
    `torch.func.vmap` can batch. Without its `minimum`, trials are compared by their final values.
    """

    function: Callable[[Tensor], Tensor]
    start: Any
    minimum: float | None = None
    per_trial: ClassVar[bool] = True

    @property
    def layout(self) -> Layout:
        """One block in the shape of the start."""
        return Layout({"theta": tuple(torch.as_tensor(self.start).shape)})

    def make_start(self, generator: Generator) -> Tensor:
        """Return the start."""
        return torch.as_tensor(self.start, dtype=torch.float64).detach().flatten()

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Return the value of the function."""
        return self.function(self.layout.views(theta)["theta"])

    def optimum(self, data: Data) -> Tensor | None:
        """Return the minimum."""
        return None if self.minimum is None else torch.tensor(self.minimum, dtype=torch.float64)
