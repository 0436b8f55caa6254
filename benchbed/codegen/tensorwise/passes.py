"""Rewrite a traced step so that more of it is done number by number."""

from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen import comparisons, elementwise
from benchbed.codegen.fx_nodes import name_of, operands_of

BY_NUMBER = {**elementwise.OPERATIONS, **comparisons.OPERATIONS}
"""What is done number by number."""
PRODUCTS = frozenset({"mm", "bmm"})
VIEWS = frozenset({"view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "alias", "detach"})


def simplified(traced: fx.Graph) -> fx.Graph:
    """Give a graph that makes the same of the same inputs, in the same order."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(traced, {}))
    _merge_repeated(graph)
    for node in list(graph.nodes):
        if name_of(node) in PRODUCTS:
            _multiply_column_by_row(graph, node)
        elif name_of(node) in VIEWS:
            _read_through(node)
    graph.eliminate_dead_code()
    return graph


def _merge_repeated(graph: fx.Graph) -> None:
    """Compute once what is computed twice: a traced step changes nothing and draws nothing.

    torch has passes for it: one imports its whole compiler, in two seconds, another takes 1 and 1.0 for the same.
    """
    known: dict[object, fx.Node] = {}
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        first = known.setdefault((node.target, _exactly(node.args), _exactly(node.kwargs)), node)
        if first is not node:
            node.replace_all_uses_with(first)
            graph.erase_node(node)


def _exactly(argument: object) -> object:
    """Give what only an argument of the same nodes and numbers is equal to: −0.0 is not 0.0, and 1 is not True."""
    if isinstance(argument, list | tuple):
        return tuple(_exactly(each) for each in argument)
    if isinstance(argument, dict):
        return tuple((name, _exactly(each)) for name, each in argument.items())
    return argument if isinstance(argument, fx.Node) else repr(argument)


def _multiply_column_by_row(graph: fx.Graph, node: fx.Node) -> None:
    """Let a product of matrices over one index be that of their numbers, which shares its loops with others."""
    left, right = operands_of(node)
    if left.meta["val"].shape[-1] != 1:
        return
    multiply: Any = torch.ops.aten.mul.Tensor
    with graph.inserting_before(node):
        made = graph.call_function(multiply, (left, right))
    made.meta = node.meta
    node.replace_all_uses_with(made)


def _read_through(node: fx.Node) -> None:
    """Spare who works number by number a view that only adds or takes dimensions of size 1 in front."""
    whole = operands_of(node)[0]
    if _shape(whole) is None or _shape(whole) != _shape(node):
        return
    for user in list(node.users):
        if name_of(user) in BY_NUMBER:
            user.replace_input_with(node, whole)


def _shape(node: fx.Node) -> tuple[int, ...] | None:
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or not value.dim():
        return None
    shape = tuple(value.shape)
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape
