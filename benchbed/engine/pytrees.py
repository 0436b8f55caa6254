"""Work on trees of tensors whose leading dimensions are `[seeds, settings]`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

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


class TreeTemplate:
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

    def matches(self, tree: Tree) -> bool:
        """Tell whether a tree differs in its tensors alone."""
        other = TreeTemplate(tree)
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


def vmap_lanes(function: Callable[..., Tree], *trees: Tree) -> Tree:
    """Apply a function of single trials to trees whose tensors begin with `[seeds, settings]`."""
    flat, structure = pytree.tree_flatten(trees)
    places = [place for place, leaf in enumerate(flat) if isinstance(leaf, Tensor)]

    def one(*tensors: Tensor) -> Tree:
        filled = list(flat)
        for place, tensor in zip(places, tensors, strict=True):
            filled[place] = tensor
        return function(*pytree.tree_unflatten(filled, structure))

    return torch.func.vmap(torch.func.vmap(one))(*(flat[place] for place in places))


LaneIndex = tuple[Tensor, Tensor] | tuple[slice, slice]


class LanePositions(NamedTuple):
    """LaneIndex the present lanes stand among those the batch began with: positions `[seeds]` and `[settings]`."""

    seeds: Tensor
    settings: Tensor
    is_whole: bool = False
    """Every lane is present, each at its own position."""

    @property
    def where(self) -> "LaneIndex":
        """Index that picks the present lanes out of `[seeds, settings, …]`."""
        if self.is_whole:  # to write through positions takes several times as long
            return slice(None), slice(None)
        return self.seeds[:, None], self.settings

    @classmethod
    def all(cls, seeds: int, settings: int, device: torch.device) -> "LanePositions":
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
        """LanePositions fresh lanes at `theta: [seeds, settings, dimension]`."""
        none = torch.zeros(theta.shape[:2], dtype=torch.bool, device=theta.device)
        return cls(
            theta, state, none.double(), none.long(), ~none, none, none.clone() if may_converge else None
        )

    def select(self, seeds: Tensor, settings: Tensor) -> "Lanes":
        """Keep these positions of both dimensions."""
        chosen: Lanes = map_tensors(lambda leaf: leaf[seeds][:, settings], self)
        return chosen
