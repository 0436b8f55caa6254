"""Trees of tensors with the leading dimensions `[seeds, settings]`, and the lanes of a batch between two steps."""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # private, but the trees that vmap and torch's compiler also use

Tree = Any
LaneIndex = tuple[Tensor, Tensor] | tuple[slice, slice]


def leaves(tree: Tree) -> list[Tensor]:
    """List the tensors of a tree."""
    if isinstance(tree, tuple) and all(isinstance(leaf, Tensor) for leaf in tree):
        return list(tree)  # the common case, without the cost of walking a tree
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


def bytes_of(tensor: Tensor) -> bytes:
    """Return the numbers of a dense tensor, also of types that NumPy does not have, such as bfloat16."""
    values = tensor.detach().cpu().resolve_conj().resolve_neg().flatten().contiguous()
    # A single number keeps the stride of its tensor; only with a dimension of its own can it be viewed as bytes.
    return values.unsqueeze(-1).view(torch.uint8).numpy().tobytes()


def map_tensors(function: Callable[..., Tensor], *trees: Tree) -> Tree:
    """Apply `function` to the corresponding tensors of all trees; other leaves are those of the first tree."""
    first, *further = trees
    if isinstance(first, Tensor):
        return function(first, *further)  # walking a tree takes a tenth of a step

    def apply(leaf: object, *leaves: object) -> object:
        return function(leaf, *leaves) if isinstance(leaf, Tensor) else leaf

    return pytree.tree_map(apply, first, *further)


class TreeTemplate:
    """The structure of a tree and its leaves that are not tensors."""

    def __init__(self, tree: Tree) -> None:
        flat, self._structure = pytree.tree_flatten(tree)
        self._build = _builder(tree, iter(range(len(flat)))) if _is_plain(tree) else None
        self._flat = [None if isinstance(leaf, Tensor) else leaf for leaf in flat]
        self._positions = [position for position, leaf in enumerate(flat) if isinstance(leaf, Tensor)]

    def fill(self, tensors: Sequence[Tensor]) -> Tree:
        """Build the tree with these tensors, in the order of `leaves`."""
        if self._build is not None:
            return self._build(tensors)
        flat = list(self._flat)
        for position, tensor in zip(self._positions, tensors, strict=True):
            flat[position] = tensor
        return pytree.tree_unflatten(flat, self._structure)

    def require_tensors(self) -> None:
        """Raise TypeError if a leaf is neither a tensor nor None."""
        constant = next((leaf for leaf in self._flat if leaf is not None), None)
        if constant is not None:
            raise TypeError(f"the state holds {constant!r}, which is not a tensor and would stay constant")

    def require_match(self, tree: Tree) -> None:
        """Raise TypeError if a tree has another structure or differs in more than its tensors."""
        template = TreeTemplate(tree)
        if not (
            self._structure == template._structure
            and self._positions == template._positions
            and all(a is b or a == b for a, b in zip(self._flat, template._flat, strict=True))
        ):
            raise TypeError("state or data differ between batches in more than their tensors")


def _is_plain(tree: Tree) -> bool:
    """Return whether a tree consists of tuples and tensors."""
    return isinstance(tree, Tensor) or (isinstance(tree, tuple) and all(map(_is_plain, tree)))


def _builder(tree: Tree, positions: Iterator[int]) -> Callable[[Sequence[Tensor]], Tree]:
    """Return the function that builds a plain tree from its tensors, in a fifth of the time of a general one."""
    if isinstance(tree, Tensor):
        return operator.itemgetter(next(positions))
    children = [_builder(child, positions) for child in tree]
    make = getattr(tree, "_make", tuple)
    return lambda tensors: make([child(tensors) for child in children])


def is_flat(tree: Tree) -> bool:
    """Return whether a tree is a NamedTuple of tensors, as most states are."""
    return hasattr(tree, "_make") and all(isinstance(leaf, Tensor) for leaf in tree)


def where_lanes(mask: Tensor, after: Tree, before: Tree) -> Tree:
    """Select `after` in the lanes of `mask: [seeds, settings]` and `before` in the others."""
    masks: dict[int, Tensor] = {}  # one for each number of dimensions: this runs for every leaf in every step

    def select(leaf: Tensor, leaf_before: Tensor) -> Tensor:
        if leaf.dim() not in masks:
            masks[leaf.dim()] = mask.reshape(*mask.shape, *[1] * (leaf.dim() - 2))
        return torch.where(masks[leaf.dim()], leaf, leaf_before)

    if is_flat(after):
        return after._make(map(select, after, before))  # walking a tree would double the time
    return map_tensors(select, after, before)


def expand_settings(tree: Tree, theta: Tensor) -> Tree:
    """Expand `[seeds, 1, …]` to `[seeds, settings, …]` without copying."""
    return map_tensors(lambda leaf: leaf.expand(*theta.shape[:2], *leaf.shape[2:]), tree)


def vmap_lanes(function: Callable[..., Tree], *trees: Tree) -> Tree:
    """Apply a function of a single trial to trees whose tensors begin with `[seeds, settings]`."""
    template = TreeTemplate(trees)

    def apply(*tensors: Tensor) -> Tree:
        return function(*template.fill(tensors))

    return torch.func.vmap(torch.func.vmap(apply))(*leaves(trees))


def even_slices(count: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` positions that cover `count`, as even as possible."""
    number = -(-count // size)
    edges = [index * count // number for index in range(number + 1)]
    yield from map(slice, edges[:-1], edges[1:])


def tiles(
    seeds: int, settings: int, lanes: int, maximum_seeds: int | None = None
) -> Iterator[tuple[slice, slice]]:
    """Yield rectangles of at most `lanes` lanes and `maximum_seeds` seeds (at least one) that cover all lanes."""
    columns = min(settings, max(1, lanes))
    rows = max(1, min(lanes // columns, seeds if maximum_seeds is None else maximum_seeds))
    for setting_slice in even_slices(settings, columns):
        for seed_slice in even_slices(seeds, rows):
            yield seed_slice, setting_slice


class LanePositions(NamedTuple):
    """The positions `[seeds]` and `[settings]` of the present lanes in the tile as it began."""

    seeds: Tensor
    settings: Tensor
    all_present: bool = False

    @property
    def lane_index(self) -> LaneIndex:
        """Index of the present lanes in tensors `[seeds, settings, …]`."""
        if self.all_present:  # writing through positions takes several times as long
            return slice(None), slice(None)
        return self.seeds[:, None], self.settings

    @classmethod
    def all(cls, seeds: int, settings: int, device: torch.device) -> "LanePositions":
        """Return the positions of all lanes."""
        return cls(
            torch.arange(seeds, device=device), torch.arange(settings, device=device), all_present=True
        )


class Lanes(NamedTuple):
    """Running trials; every tensor begins with `[seeds, settings]`."""

    theta: Tensor  # [seeds, settings, dimension]
    state: Tree
    calls: Tensor  # float64: a full gradient may cost a fraction
    steps: Tensor  # int64
    running: Tensor  # bool
    diverged: Tensor  # bool
    converged: Tensor | None = None  # bool; None without a tolerance
    buffers: Tree = None  # of the problem; None without buffers

    @classmethod
    def at(cls, theta: Tensor, state: Tree, may_converge: bool = False, buffers: Tree = None) -> "Lanes":
        """Return new lanes at `theta: [seeds, settings, dimension]`."""
        false = torch.zeros(theta.shape[:2], dtype=torch.bool, device=theta.device)
        return cls(
            theta,
            state,
            calls=false.double(),
            steps=false.long(),
            running=~false,
            diverged=false,
            converged=false.clone() if may_converge else None,
            buffers=buffers,
        )

    def select(self, seeds: Tensor, settings: Tensor) -> "Lanes":
        """Return the lanes at these positions."""
        selected: Lanes = map_tensors(lambda leaf: leaf[seeds][:, settings], self)
        return selected
