"""Rules of dual numbers for operations of tensors: sums, shapes, selections and products, nearly all by one rule."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # the trees that vmap uses

from benchbed_course.dual_number import RULES, Dual, Operand, lift, register_rule

__all__ = ["Dual", "apply_to_values", "concatenate", "lift", "product_rule", "where"]

# Operations that are linear in each of their tensors; indices cannot be dual.
MULTILINEAR = (
    "sum", "mean", "cumsum", "matmul", "__matmul__", "mm", "mv", "bmm", "dot", "inner", "outer", "einsum",
    "__getitem__", "index_select", "gather", "take_along_dim", "narrow", "select", "split", "chunk", "unbind",
    "reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "broadcast_to", "repeat",
    "movedim", "permute", "transpose", "swapaxes", "flip", "roll", "tril", "triu", "diagonal", "trace",
    "clone", "contiguous", "to", "double", "float",
)  # fmt: skip
# Operations whose results do not vary with the value: shapes, comparisons, and constants of a tensor's shape.
CONSTANT = (
    "dim", "size", "numel", "is_floating_point", "lt", "le", "gt", "ge", "eq", "ne", "isfinite", "isnan", "sign",
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "new_tensor", "detach",
)  # fmt: skip


def product_rule(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Apply a function that is linear in each of its tensors: its slope is the sum of the slopes by one dual at a time.

    With a single dual number u = a + b ε this is f(u) = f(a) + f(b) ε.
    """
    leaves, structure = pytree.tree_flatten((arguments, keywords), is_leaf=_is_dual)

    def apply(slope_index: int | None) -> Any:
        """Apply the function to the slope of one leaf and to the values of the others."""
        numbers = [
            (leaf.slope if index == slope_index else leaf.value) if isinstance(leaf, Dual) else leaf
            for index, leaf in enumerate(leaves)
        ]
        plain_arguments, plain_keywords = pytree.tree_unflatten(numbers, structure)
        return function(*plain_arguments, **plain_keywords)

    slopes = [apply(index) for index, leaf in enumerate(leaves) if isinstance(leaf, Dual)]
    return pytree.tree_map(lambda value, *slope: Dual(value, sum(slope[1:], slope[0])), apply(None), *slopes)


def apply_to_values(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Apply a function to the values alone."""
    values = pytree.tree_map(
        lambda leaf: leaf.value if isinstance(leaf, Dual) else leaf, arguments, is_leaf=_is_dual
    )
    return function(*values, **keywords)


def where(condition: Tensor, u: Operand, v: Operand) -> Dual:
    """Select u where the condition holds, and v elsewhere."""
    first, second = lift(u, v)
    return Dual(
        torch.where(condition, first.value, second.value),
        torch.where(condition, first.slope, second.slope),
    )


def concatenate(function: Callable[..., Tensor], tensors: Any, *arguments: Any, **keywords: Any) -> Dual:
    """Stack or concatenate several tensors, some of them dual."""
    numbers = lift(*tensors)
    return Dual(
        function([number.value for number in numbers], *arguments, **keywords),
        function([number.slope for number in numbers], *arguments, **keywords),
    )


def _is_dual(leaf: object) -> bool:
    return isinstance(leaf, Dual)


for _owner in (torch, Tensor):
    for _rule, _names in ((product_rule, MULTILINEAR), (apply_to_values, CONSTANT)):
        _functions = [getattr(_owner, name) for name in _names if callable(getattr(_owner, name, None))]
        RULES.update({function: functools.partial(_rule, function) for function in _functions})
for _function in (torch.stack, torch.cat):
    RULES[_function] = functools.partial(concatenate, _function)
register_rule(lambda u, v, alpha=1: lift(u, v)[0] + alpha * v, "add")
register_rule(lambda u, v, alpha=1: lift(u, v)[0] - alpha * v, "sub")
register_rule(lambda u, v: lift(u, v)[0] * v, "mul")
register_rule(lambda u, v: lift(u, v)[0] / v, "div", "true_divide")
register_rule(lambda u: -u, "neg")
RULES[torch.where] = where
RULES[Tensor.where] = lambda u, condition, v: where(condition, u, v)
# vmap, which maps problems written for single trials over lanes, must find the tensors in a dual number.
pytree.register_pytree_node(Dual, lambda u: ([u.value, u.slope], None), lambda tensors, _: Dual(*tensors))
