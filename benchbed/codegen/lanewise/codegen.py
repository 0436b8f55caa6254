"""Write a traced step as a C++ program that makes many steps of many lanes."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, fx

from benchbed.codegen import comparisons, elementwise
from benchbed.codegen.emitter import Writer
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import GROUP, Array
from benchbed.codegen.fx_nodes import arguments_of, call_of, name_of, operands_of, values_of
from benchbed.codegen.lanewise import inputs, matrices, reductions, shapes
from benchbed.codegen.lanewise.inputs import Change, Input
from benchbed.codegen.template import Axis, GeneratedSource, LaneGroups, fill_template, indent
from benchbed.codegen.trace import TracedStep

OPERATIONS: Mapping[str, Callable[..., Any]] = {
    **elementwise.OPERATIONS,
    **comparisons.OPERATIONS,
    **shapes.OPERATIONS,
    **reductions.OPERATIONS,
    **matrices.OPERATIONS,
}
MOST_ELEMENTS = 50_000
"""Of a tensor on the way, for a lane; there may be more than statements, as most of them may be the same."""
GROUPS = ((80, "abcd"), (250, "ab"))
"""Operations of a step below which so many groups go side by side: a short step waits for its own results, and others
can use the time."""


def generate(traced: TracedStep, axis: Axis, width: int) -> GeneratedSource:
    """Write the program that steps `width` lanes at a time along `axis`.

    Raises UnsupportedOperationError for what is not written here.
    """
    writer, graph = Writer(), traced.graph.graph
    placeholders = graph.find_nodes(op="placeholder")
    given = {
        node: Input(position, role, tensor, axis)
        for position, (node, role, tensor) in enumerate(
            zip(placeholders, traced.kinds, traced.inputs, strict=True)
        )
    }
    known: dict[fx.Node, Any] = {node: one.array() for node, one in given.items() if node.users}
    for node in graph.nodes:
        if node.op == "get_attr":
            held = getattr(traced.graph, node.target)
            _refuse_too_many(held)
            known[node] = shapes.constant(held)
        elif node.op == "call_function":
            known[node] = _operate(writer, node, known)
    (output,) = graph.find_nodes(op="output")
    # As many as the lane has tensors, which come first.
    outcomes = zip(placeholders, operands_of(output)[0], strict=False)
    changed = [(given[node], known[made]) for node, made in outcomes if made is not node]
    for one, made in changed:
        _check("a state", made, one.value)
    overwritten = {one.position for one, _ in changed}
    read = [one for node, one in given.items() if node.users or one.position in overwritten]
    text = _text(writer, read, changed, axis, width)
    changes = [one.position for one, _ in changed]
    return GeneratedSource(
        "lanewise",
        text,
        [one.position for one in read],
        changes,
        len(writer.statements),
        LaneGroups(axis, width),
    )


def _text(writer: Writer, read: Sequence[Input], changed: Sequence[Change], axis: Axis, width: int) -> str:
    signs = next((signs for most, signs in GROUPS if len(writer.statements) < most), "a")
    steps = [*inputs.loads_of_a_step(read), *writer.statements, *inputs.moves(changed)]
    return fill_template(
        "lanewise/lanes.cpp",
        width,
        [one.value.dtype for one, _ in changed],
        groups=len(signs),
        of_one_seed="true" if axis == "settings" else "false",
        pointers=indent(2, inputs.pointers(read, changed)),
        loads=indent(4, _for_each(signs, [*inputs.PLACES, *inputs.loads(read)])),
        statements=indent(8, _for_each(signs, steps)),
        stores=indent(6, _for_each(signs, inputs.stores(changed))),
    )


def _operate(writer: Writer, node: fx.Node, known: Mapping[fx.Node, Any]) -> Any:
    if node.target is operator.getitem:
        several, place = operands_of(node)
        if known[several][place] is None:
            raise UnsupportedOperationError(f"a part of {name_of(several)}")
        return known[several][place]
    name, values = name_of(node), values_of(node)
    if name not in OPERATIONS:
        raise UnsupportedOperationError(f"the operation {name}")
    _refuse_too_many(*values)
    arguments, options = arguments_of(node, known)
    result = OPERATIONS[name](writer, call_of(node), *arguments, **options)
    is_one = isinstance(node.meta["val"], Tensor)
    for made, each in zip([result] if is_one else result, values, strict=True):
        if made is not None:
            _check(name, made, each)
    return result


def _refuse_too_many(*tensors: Tensor) -> None:
    if any(tensor.numel() > MOST_ELEMENTS for tensor in tensors):
        raise UnsupportedOperationError(f"a tensor of more than {MOST_ELEMENTS} numbers")


def _check(name: str, made: Array, expected: Tensor) -> None:
    """Refuse a form of an operation that the table knows under its name, but not as it is meant."""
    if made.shape != tuple(expected.shape) or any(one.dtype != expected.dtype for one in made.flat):
        raise UnsupportedOperationError(f"{name} to {expected.dtype} of the shape {tuple(expected.shape)}")


def _for_each(signs: str, lines: Sequence[str]) -> list[str]:
    """Repeat what differs between groups for each of them, after what all of them share."""
    shared = [line for line in lines if GROUP not in line]
    return shared + [line.replace(GROUP, sign) for sign in signs for line in lines if GROUP in line]
