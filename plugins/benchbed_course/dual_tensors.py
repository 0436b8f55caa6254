"""Teach dual numbers what tensors need: sums, shapes, choices and products, nearly all by one rule."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # torch's own trees, by which vmap walks as well

from benchbed_course.dual_number import RULES, Dual, Operand, lift, teach

__all__ = ["Dual", "joined", "lift", "product_rule", "where", "without_slope"]

# Linear in each of their tensors (but for indices and the like, which cannot be dual).
MULTILINEAR = (
    "sum", "mean", "cumsum", "matmul", "__matmul__", "mm", "mv", "bmm", "dot", "inner", "outer", "einsum",
    "__getitem__", "index_select", "gather", "take_along_dim", "narrow", "select", "split", "chunk", "unbind",
    "reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "broadcast_to", "repeat",
    "movedim", "permute", "transpose", "swapaxes", "flip", "roll", "tril", "triu", "diagonal", "trace",
    "clone", "contiguous", "to", "double", "float",
)  # fmt: skip
# What does not change with the value: shapes, comparisons, and constants that are made like a tensor.
WITHOUT_SLOPE = (
    "dim", "size", "numel", "is_floating_point", "lt", "le", "gt", "ge", "eq", "ne", "isfinite", "isnan", "sign",
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "new_tensor", "detach",
)  # fmt: skip


def product_rule(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Apply a function that is linear in each of its tensors: its slope is the sum of those for one dual at a time.

    With a single dual number u = a + b ε this is f(u) = f(a) + f(b) ε.
    """
    leaves, structure = pytree.tree_flatten((given, named), is_leaf=_is_dual)

    def apply(at: int | None) -> Any:
        chosen = [
            (leaf.slope if place == at else leaf.value) if isinstance(leaf, Dual) else leaf
            for place, leaf in enumerate(leaves)
        ]
        arguments, keywords = pytree.tree_unflatten(chosen, structure)
        return function(*arguments, **keywords)

    slopes = [apply(place) for place, leaf in enumerate(leaves) if isinstance(leaf, Dual)]
    return pytree.tree_map(lambda value, *slope: Dual(value, sum(slope[1:], slope[0])), apply(None), *slopes)


def without_slope(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Apply a function to the values alone."""
    return function(*pytree.tree_map(_value, given, is_leaf=_is_dual), **named)


def where(condition: Tensor, u: Operand, v: Operand) -> Dual:
    """Give u where the condition holds, and v elsewhere."""
    one, other = lift(u, v)
    return Dual(
        torch.where(condition, one.value, other.value), torch.where(condition, one.slope, other.slope)
    )


def joined(function: Callable[..., Tensor], tensors: Any, *given: Any, **named: Any) -> Dual:
    """Put several tensors, some of them dual, into one."""
    parts = lift(*tensors)
    return Dual(
        function([part.value for part in parts], *given, **named),
        function([part.slope for part in parts], *given, **named),
    )


def _is_dual(thing: object) -> bool:
    return isinstance(thing, Dual)


def _value(thing: Any) -> Any:
    return thing.value if isinstance(thing, Dual) else thing


def _teach_all() -> None:
    for owner in (torch, Tensor):
        for rule, names in ((product_rule, MULTILINEAR), (without_slope, WITHOUT_SLOPE)):
            functions = [found for name in names if callable(found := getattr(owner, name, None))]
            RULES.update({function: functools.partial(rule, function) for function in functions})
    for function in (torch.stack, torch.cat):
        RULES[function] = functools.partial(joined, function)
    teach(lambda u, v, alpha=1: lift(u, v)[0] + alpha * v, "add")
    teach(lambda u, v, alpha=1: lift(u, v)[0] - alpha * v, "sub")
    teach(lambda u, v: lift(u, v)[0] * v, "mul")
    teach(lambda u, v: lift(u, v)[0] / v, "div", "true_divide")
    teach(lambda u: -u, "neg")
    RULES[torch.where] = where
    RULES[Tensor.where] = lambda u, condition, v: where(condition, u, v)


_teach_all()
# So that vmap, which a problem written for single trials goes through, finds the tensors in a dual number.
pytree.register_pytree_node(Dual, lambda u: ([u.value, u.slope], None), lambda parts, _: Dual(*parts))
