"""Passes over a traced graph that remove repeated operations and let more of it run in fused loops."""

from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen import comparisons, elementwise
from benchbed.codegen.fx_nodes import operation_name, positional_arguments
from benchbed.codegen.operation_table import OperationTable
from benchbed.codegen.tensorwise.decompositions import decompose

ELEMENTWISE = OperationTable(elementwise.OPERATIONS | comparisons.OPERATIONS)
"""The operations that loops can fuse."""
PRODUCTS = frozenset({"mm", "bmm"})
VIEWS = frozenset({"view", "_unsafe_view", "reshape", "squeeze", "unsqueeze", "alias", "detach"})


def run_passes(traced: fx.Graph) -> fx.Graph:
    """Return an equivalent graph with the same inputs in the same order."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(traced, {}))
    decompose(graph)
    _eliminate_common_subexpressions(graph)
    for node in list(graph.nodes):
        if operation_name(node) in PRODUCTS:
            _lower_outer_product(graph, node)
        elif operation_name(node) in VIEWS:
            _bypass_view(node)
    graph.eliminate_dead_code()
    return graph


def _eliminate_common_subexpressions(graph: fx.Graph) -> None:
    """Merge equal nodes, which is valid because a traced step has no side effects and draws no random numbers.

    torch's own passes are not used: one imports its whole compiler, which takes two seconds, another merges the
    constants 1 and 1.0.
    """
    first_nodes: dict[object, fx.Node] = {}
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        first = first_nodes.setdefault((node.target, _hashable(node.args), _hashable(node.kwargs)), node)
        if first is not node:
            node.replace_all_uses_with(first)
            graph.erase_node(node)


def _hashable(argument: object) -> object:
    """Return a key that is equal for the same nodes and numbers only: −0.0 differs from 0.0, and 1 from True."""
    if isinstance(argument, list | tuple):
        return tuple(_hashable(each) for each in argument)
    if isinstance(argument, dict):
        return tuple((name, _hashable(each)) for name, each in argument.items())
    return argument if isinstance(argument, fx.Node) else repr(argument)


def _lower_outer_product(graph: fx.Graph, node: fx.Node) -> None:
    """Replace a matrix product over a single index by a broadcast multiplication, which loops can fuse."""
    left, right = positional_arguments(node)
    if left.meta["val"].shape[-1] != 1:
        return
    multiply: Any = torch.ops.aten.mul.Tensor
    with graph.inserting_before(node):
        product = graph.call_function(multiply, (left, right))
    product.meta = node.meta
    node.replace_all_uses_with(product)


def _bypass_view(node: fx.Node) -> None:
    """Let elementwise users of a view that only changes leading dimensions of size 1 read the original tensor."""
    source = positional_arguments(node)[0]
    if _core_shape(source) is None or _core_shape(source) != _core_shape(node):
        return
    for user in list(node.users):
        if operation_name(user) in ELEMENTWISE:
            user.replace_input_with(node, source)


def _core_shape(node: fx.Node) -> tuple[int, ...] | None:
    """Return a node's shape without leading dimensions of size 1; None unless it is a tensor with dimensions."""
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or not value.dim():
        return None
    shape = tuple(value.shape)
    while len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape
