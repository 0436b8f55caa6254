"""Hold the lanes of a batch between two steps."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.lanes import Tree, map_tensors


class Place(NamedTuple):
    """Where the present lanes stand among those the batch began with: positions `[seeds]` and `[settings]`."""

    seeds: Tensor
    settings: Tensor

    @property
    def where(self) -> tuple[Tensor, Tensor]:
        """Index that picks the present lanes out of `[seeds, settings, …]`."""
        return self.seeds[:, None], self.settings

    @classmethod
    def all(cls, seeds: int, settings: int, device: torch.device) -> "Place":
        """Every lane is present."""
        return cls(torch.arange(seeds, device=device), torch.arange(settings, device=device))


class Lanes(NamedTuple):
    """Trials on their way; every tensor begins with `[seeds, settings]`."""

    theta: Tensor  # [seeds, settings, dimension]
    state: Tree
    calls: Tensor  # float64: a full gradient may cost a fraction
    steps: Tensor  # int64
    running: Tensor  # bool
    diverged: Tensor  # bool

    @classmethod
    def at(cls, theta: Tensor, state: Tree) -> "Lanes":
        """Place fresh lanes at `theta: [seeds, settings, dimension]`."""
        none = torch.zeros(theta.shape[:2], dtype=torch.bool, device=theta.device)
        return cls(theta, state, none.double(), none.long(), ~none, none)

    def select(self, seeds: Tensor, settings: Tensor) -> "Lanes":
        """Keep these positions of both dimensions."""
        chosen: Lanes = map_tensors(lambda leaf: leaf[seeds][:, settings], self)
        return chosen
