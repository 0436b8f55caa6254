"""Values of which a step reads nothing unless some conditions hold, so that it need not compute them."""

from torch import Tensor, fx

from benchbed.codegen.fx_nodes import operation_name, positional_arguments


def selecting_conditions(graph: fx.Graph) -> dict[fx.Node, frozenset[fx.Node]]:
    """Return for each node the conditions of one number without which no result depends on its value.

    They are those of `torch.where(condition, value, other)` on all ways from the node to a result. Only floating-point
    numbers have conditions: others may be indices, which must be in range also if nothing reads the elements.
    """
    conditions: dict[fx.Node, frozenset[fx.Node]] = {}
    for node in reversed(graph.nodes):
        by_user = [conditions[user] | _selection(node, user) for user in node.users]
        is_selected = by_user and _is_floating(node)
        conditions[node] = frozenset.intersection(*by_user) if is_selected else frozenset()
    return conditions


def _selection(node: fx.Node, user: fx.Node) -> frozenset[fx.Node]:
    """Return the condition under which `user` selects `node`, if it is a selection."""
    if operation_name(user) != "where":
        return frozenset()
    condition, value, other = positional_arguments(user)
    selects = value is node and other is not node and condition is not node
    return frozenset({condition}) if selects and condition.meta["val"].numel() == 1 else frozenset()


def _is_floating(node: fx.Node) -> bool:
    values = node.meta.get("val")
    values = values if isinstance(values, tuple | list) else [values]
    return all(isinstance(value, Tensor) and value.dtype.is_floating_point for value in values)
