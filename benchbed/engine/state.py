"""Hold the lanes of a batch between two steps."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.pytrees import Tree, map_tensors

Where = tuple[Tensor, Tensor] | tuple[slice, slice]


class Place(NamedTuple):
    """Where the present lanes stand among those the batch began with: positions `[seeds]` and `[settings]`."""

    seeds: Tensor
    settings: Tensor
    is_whole: bool = False
    """Every lane is present, each at its own position."""

    @property
    def where(self) -> "Where":
        """Index that picks the present lanes out of `[seeds, settings, …]`."""
        if self.is_whole:  # to write through positions takes several times as long
            return slice(None), slice(None)
        return self.seeds[:, None], self.settings

    @classmethod
    def all(cls, seeds: int, settings: int, device: torch.device) -> "Place":
        """Every lane is present."""
        return cls(torch.arange(seeds, device=device), torch.arange(settings, device=device), is_whole=True)


class Lanes(NamedTuple):
    """Trials on their way; every tensor begins with `[seeds, settings]`."""

    theta: Tensor  # [seeds, settings, dimension]
    state: Tree
    calls: Tensor  # float64: a full gradient may cost a fraction
    steps: Tensor  # int64
    running: Tensor  # bool
    diverged: Tensor  # bool
    converged: Tensor | None = None  # bool; None without a tolerance, so that nothing is carried for it

    @classmethod
    def at(cls, theta: Tensor, state: Tree, may_converge: bool = False) -> "Lanes":
        """Place fresh lanes at `theta: [seeds, settings, dimension]`."""
        none = torch.zeros(theta.shape[:2], dtype=torch.bool, device=theta.device)
        return cls(
            theta, state, none.double(), none.long(), ~none, none, none.clone() if may_converge else None
        )

    def select(self, seeds: Tensor, settings: Tensor) -> "Lanes":
        """Keep these positions of both dimensions."""
        chosen: Lanes = map_tensors(lambda leaf: leaf[seeds][:, settings], self)
        return chosen
