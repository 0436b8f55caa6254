"""The named blocks of a parameter vector, and the samples of a mini-batch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """The blocks of theta in order, each with its shape: `Layout({"weight": (32, 10), "bias": (32,)})`."""

    blocks: Mapping[str, tuple[int, ...]]

    @property
    def dimension(self) -> int:
        """Number of parameters: the length of theta."""
        return sum(math.prod(shape) for shape in self.blocks.values())

    def split(self, theta: Tensor) -> tuple[Tensor, ...]:
        """Return the blocks of `theta: [..., dimension]` as vectors `[..., size]`, without copying."""
        sizes = [math.prod(shape) for shape in self.blocks.values()]
        blocks: tuple[Tensor, ...] = theta.split(sizes, dim=-1)
        return blocks

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """Return the blocks `[..., *shape]` of `theta: [..., dimension]`, without copying."""
        return {
            name: block.unflatten(-1, shape) if shape else block.squeeze(-1)
            for (name, shape), block in zip(self.blocks.items(), self.split(theta), strict=True)
        }

    def join(self, views: Mapping[str, Tensor]) -> Tensor:
        """Concatenate blocks `[..., *shape]` to `[..., dimension]`: the inverse of `views`."""
        return torch.cat(
            [
                views[name].flatten(-len(shape)) if shape else views[name].unsqueeze(-1)
                for name, shape in self.blocks.items()
            ],
            dim=-1,
        )


def take_samples(x: Tensor, index: Tensor) -> Tensor:
    """Return the samples `[..., batch, features]` of `x: [..., samples, features]` at `index: [..., batch]`.

    Works for shared data (no leading dimensions), for data of each seed, and under `torch.func.vmap`.
    """
    if x.dim() == 2:
        return x[index]
    return torch.take_along_dim(x, index.unsqueeze(-1), dim=-2)
