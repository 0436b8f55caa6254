"""Rewriting of operations of a graph as simpler ones, which loops can fuse."""

import math
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.fx_nodes import operation_name, positional_arguments

aten: Any = torch.ops.aten


def decompose(graph: fx.Graph) -> None:
    """Replace the operations of `graph` that have a decomposition here."""
    for node in list(graph.nodes):
        if node.op != "call_function" or operation_name(node) not in {"var", "var_mean"}:
            continue
        with graph.inserting_before(node):
            _decompose_variance(graph, node)


def _decompose_variance(graph: fx.Graph, node: fx.Node) -> None:
    source, *positional = positional_arguments(node)
    shape = source.meta["val"].shape
    correction, axes = node.kwargs.get("correction", 1), positional[0] if positional else None
    axes = [axis % len(shape) for axis in axes or range(len(shape))]
    keeps_dimensions = bool(node.kwargs.get("keepdim", False))
    degrees_of_freedom = math.prod(shape[axis] for axis in axes) - (1 if correction is None else correction)
    mean = _insert(graph, aten.mean.dim, source, axes, True)
    centered = _insert(graph, aten.sub.Tensor, source, mean)
    squares = _insert(graph, aten.mul.Tensor, centered, centered)
    total = _insert(graph, aten.sum.dim_IntList, squares, axes, keeps_dimensions)
    variance = _insert(graph, aten.div.Tensor, total, float(max(0, degrees_of_freedom)))
    if operation_name(node) == "var":
        node.replace_all_uses_with(variance)
        return
    if not keeps_dimensions:
        mean = _insert(graph, aten.squeeze.dims, mean, axes)
    for user in list(node.users):
        _, index = positional_arguments(user)
        user.replace_all_uses_with((variance, mean)[index])


def _insert(graph: fx.Graph, operation: Any, *arguments: Any) -> fx.Node:
    """Add an operation to the graph, with its traced value."""
    node = graph.call_function(operation, arguments)
    values = fx.node.map_arg(arguments, lambda argument: argument.meta["val"])
    value: Tensor = operation(*values)
    node.meta["val"] = value
    return node
