"""Work on trees of tensors whose leading dimensions are `[seeds, settings]`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # torch's own trees: what vmap and the compiler walk as well

Tree = Any


def leaves(tree: Tree) -> list[Tensor]:
    """List the tensors of a tree."""
    if isinstance(tree, tuple) and all(isinstance(leaf, Tensor) for leaf in tree):
        return list(tree)  # what most states are
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def map_tensors(function: Callable[..., Tensor], *trees: Tree) -> Tree:
    """Apply `function` to the tensors that stand at the same place of every tree; other leaves stay."""
    first, *rest = trees
    if isinstance(first, Tensor):
        return function(first, *rest)  # what most draws are; walking a tree takes a tenth of a step

    def apply(leaf: object, *others: object) -> object:
        return function(leaf, *others) if isinstance(leaf, Tensor) else leaf

    return pytree.tree_map(apply, first, *rest)


class Skeleton:
    """A tree without its tensors: takes them out of trees of its form, and puts others in."""

    def __init__(self, tree: Tree) -> None:
        flat, self._structure = pytree.tree_flatten(tree)
        self._flat = [None if isinstance(leaf, Tensor) else leaf for leaf in flat]
        self._places = [place for place, leaf in enumerate(flat) if isinstance(leaf, Tensor)]

    def fill(self, tensors: Sequence[Tensor]) -> Tree:
        """Give the tree with these tensors, in the order in which `leaves` lists them."""
        filled = list(self._flat)
        for place, tensor in zip(self._places, tensors, strict=True):
            filled[place] = tensor
        return pytree.tree_unflatten(filled, self._structure)

    @property
    def constants(self) -> list[object]:
        """What is not a tensor, None aside."""
        return [leaf for leaf in self._flat if leaf is not None]

    def fits(self, tree: Tree) -> bool:
        """Tell whether a tree differs in its tensors alone."""
        other = Skeleton(tree)
        same = self._structure == other._structure and self._places == other._places
        return same and all(
            one is two or one == two for one, two in zip(self._flat, other._flat, strict=True)
        )


def choose(mask: Tensor, new: Tree, old: Tree) -> Tree:
    """Take `new` in the lanes of `mask: [seeds, settings]` and `old` in the others."""
    masks: dict[int, Tensor] = {}  # one a number of dimensions: a step makes this choice for every leaf

    def take(a: Tensor, b: Tensor) -> Tensor:
        if a.dim() not in masks:
            masks[a.dim()] = expand(mask, a)
        return torch.where(masks[a.dim()], a, b)

    if isinstance(new, tuple) and hasattr(new, "_make") and all(isinstance(leaf, Tensor) for leaf in new):
        return new._make(
            map(take, new, old)
        )  # what most states are; walking a tree takes as long as the choice
    return map_tensors(take, new, old)


def expand(mask: Tensor, like: Tensor) -> Tensor:
    """Append dimensions to `mask: [seeds, settings]` until it broadcasts against `like`."""
    for _ in range(like.dim() - mask.dim()):
        mask = mask.unsqueeze(-1)  # a third of the time of a reshape
    return mask


def blocks(count: int, size: int) -> Iterator[slice]:
    """Cut `count` positions into slices of at most `size`, as even as can be."""
    pieces = -(-count // size)
    edges = [piece * count // pieces for piece in range(pieces + 1)]
    yield from map(slice, edges[:-1], edges[1:])


def tiles(
    seeds: int, settings: int, lanes: int, most_seeds: int | None = None
) -> Iterator[tuple[slice, slice]]:
    """Cut `[seeds, settings]` into rectangles of at most `lanes` lanes and `most_seeds` seeds (at least one)."""
    per_row = min(settings, max(1, lanes))
    rows = max(1, min(lanes // per_row, seeds if most_seeds is None else most_seeds))
    for setting_slice in blocks(settings, per_row):
        for seed_slice in blocks(seeds, rows):
            yield seed_slice, setting_slice
