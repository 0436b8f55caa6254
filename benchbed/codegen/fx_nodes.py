"""Access to the nodes of a traced graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import TracedCall

PLACEMENT_OPTIONS = frozenset({"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"})
"""Options about the type and placement of a result, which its traced value shows."""


def operation_name(node: fx.Node) -> str:
    """Return the name of a node's operation without its overload.

    A view of the same bits as another type is "view as another type": its overload is a different operation.
    """
    if node.target is torch.ops.aten.view.dtype:
        return "view as another type"
    packet = getattr(node.target, "overloadpacket", node.target)
    return getattr(packet, "__name__", str(packet))


def positional_arguments(node: fx.Node) -> tuple[Any, ...]:
    """Return the positional arguments of a node: nodes, numbers, and lists of them."""
    return node.args


def traced_values(node: fx.Node) -> Sequence[Tensor]:
    """Return the traced results of a node; raise UnsupportedOperationError unless all are tensors."""
    value = node.meta["val"]
    values = value if isinstance(value, (tuple, list)) else (value,)
    if not all(isinstance(each, Tensor) for each in values):
        raise UnsupportedOperationError(f"the operation {operation_name(node)}")
    return values


def operation_call(node: fx.Node) -> TracedCall:
    """Return the operation of a node with the type and shape of its first result."""
    value = traced_values(node)[0]
    arguments = [
        argument.meta["val"] if isinstance(argument, fx.Node) else argument
        for argument in positional_arguments(node)[:2]
    ]
    operands = [argument for argument in arguments if isinstance(argument, (Tensor, bool, int, float))]
    operand_dtype = torch.result_type(operands[0], operands[-1]) if operands else value.dtype
    return TracedCall(operation_name(node), value.dtype, tuple(value.shape), operand_dtype)


def substituted_arguments(
    node: fx.Node, values: Mapping[fx.Node, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments of a node with `values` in the place of nodes."""
    options = {name: option for name, option in node.kwargs.items() if name not in PLACEMENT_OPTIONS}
    arguments, options = fx.node.map_arg((node.args, options), values.__getitem__)
    return arguments, options


def format_graph(graph: fx.Graph, labels: Sequence[str]) -> str:
    """Format a graph, a node a line, with the types and shapes of its values; `labels` describe its inputs."""
    names: dict[fx.Node, str] = {}
    lines: list[str] = []
    for node in graph.nodes:
        names[node] = f"input{len(names)}" if node.op == "placeholder" else node.name
        arguments = [*node.args, *(f"{name}={option}" for name, option in node.kwargs.items())]
        text = ", ".join(
            str(fx.node.map_arg(argument, lambda each: _Name(names[each]))) for argument in arguments
        )
        if node.op == "placeholder":
            lines.append(f"{names[node]}: {_format_value(node)} = {labels[len(lines)]}")
        elif node.op == "output":
            lines.append(f"return {text}")
        elif node.op == "get_attr":
            lines.append(f"{names[node]} = constant {node.target}")
        else:
            lines.append(f"{names[node]}: {_format_value(node)} = {node.target}({text})")
    return "\n".join(lines) + "\n"


class _Name(str):
    """A node's name, which is shown without quotes also within a list."""

    __slots__ = ()
    __repr__ = str.__str__


def _format_value(node: fx.Node) -> str:
    value = node.meta.get("val")
    values = value if isinstance(value, (tuple, list)) else (value,)
    return ", ".join(
        f"{str(each.dtype).removeprefix('torch.')}{list(each.shape)}"
        if isinstance(each, Tensor)
        else str(each)
        for each in values
    )
