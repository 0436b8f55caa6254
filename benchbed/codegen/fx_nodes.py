"""Read the nodes of a traced step."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Call

ABOUT_MEMORY = frozenset({"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"})
"""Options that say where and how a tensor lies; its type is known from its node."""


def name_of(node: fx.Node) -> str:
    """Name the operation, whatever its overload; but for the view of the same bits as numbers of another type."""
    if node.target is torch.ops.aten.view.dtype:
        return "view as another type"
    packet = getattr(node.target, "overloadpacket", node.target)
    return getattr(packet, "__name__", str(packet))


def operands_of(node: fx.Node) -> tuple[Any, ...]:
    """Give the arguments by place as they stand in the graph: nodes, numbers and lists of them."""
    return node.args


def values_of(node: fx.Node) -> Sequence[Tensor]:
    """Return the traced results of a node; raise UnsupportedOperationError unless all are tensors."""
    value = node.meta["val"]
    values = value if isinstance(value, (tuple, list)) else (value,)
    if not all(isinstance(each, Tensor) for each in values):
        raise UnsupportedOperationError(f"the operation {name_of(node)}")
    return values


def call_of(node: fx.Node) -> Call:
    """Say what an operation is to make: the first, where it makes several."""
    value = values_of(node)[0]
    known = [one.meta["val"] if isinstance(one, fx.Node) else one for one in operands_of(node)[:2]]
    operands = [one for one in known if isinstance(one, (Tensor, bool, int, float))]
    common = torch.result_type(operands[0], operands[-1]) if operands else value.dtype
    return Call(value.dtype, tuple(value.shape), common)


def arguments_of(node: fx.Node, known: Mapping[fx.Node, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments by place and by name, what is `known` of a node in its place."""
    options = {name: given for name, given in node.kwargs.items() if name not in ABOUT_MEMORY}
    arguments, options = fx.node.map_arg((node.args, options), known.__getitem__)
    return arguments, options
