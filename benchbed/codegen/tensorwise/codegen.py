"""Write a traced step as a C++ program that makes many steps of one lane after the other."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import UNIFORM
from benchbed.codegen.fx_nodes import name_of, operands_of
from benchbed.codegen.template import GeneratedSource, LaneGroups, fill_template, indent
from benchbed.codegen.tensorwise.allocation import Memory
from benchbed.codegen.tensorwise.loops import loop, same
from benchbed.codegen.tensorwise.passes import BY_NUMBER, simplified
from benchbed.codegen.tensorwise.step import Step
from benchbed.codegen.tensorwise.tensors import OPERATIONS
from benchbed.codegen.trace import InputKind, TracedStep

LEAST_BYTES = 64
MOST_BYTES = 1 << 24
"""Of a lane's tensors in a step: what does not stay in the cache is better left to a scan."""


class Given(NamedTuple):
    """An input, and where a lane finds it."""

    position: int
    role: InputKind
    memory: Memory

    @property
    def size(self) -> int:
        """Its numbers for a lane, and a step."""
        return self.memory.view.numel()

    @property
    def type(self) -> str:
        """The C++ type of its numbers."""
        return UNIFORM[self.memory.view.dtype]


def generate(traced: TracedStep, width: int, most_bytes: int = MOST_BYTES) -> GeneratedSource:
    """Write the program that steps lanes one by one, `width` numbers of a tensor at a time.

    Raises UnsupportedOperationError for what is not written here, and for a lane that needs more than `most_bytes`.
    """
    graph = simplified(traced.graph.graph)
    placeholders = graph.find_nodes(op="placeholder")
    step = Step()
    given = {
        node: Given(position, role, _place(step, position, role, tensor))
        for position, (node, role, tensor) in enumerate(
            zip(placeholders, traced.kinds, traced.inputs, strict=True)
        )
        if node.users or role == "lane"
    }
    step.known.update({node: one.memory for node, one in given.items()})
    for node in graph.nodes:
        if node.op == "get_attr":
            step.known[node] = step.table(getattr(traced.graph, str(node.target)))
        if node.op == "call_function":
            _write(step, node)
    (output,) = graph.find_nodes(op="output")
    outcomes = zip(
        placeholders, operands_of(output)[0], strict=False
    )  # as many as the lane has tensors, which come first
    changed = {given[node]: made for node, made in outcomes if made is not node}
    _finish(step, changed)
    read = [one for node, one in given.items() if node.users]
    if (size := step.space.place()[1]) > most_bytes:
        raise UnsupportedOperationError(f"a step that needs {size} bytes")
    text = _text(step, read, list(changed), width)
    changes = [one.position for one in changed]
    return GeneratedSource(
        "tensorwise", text, [one.position for one in read], changes, max(1, step.operations // width),
        LaneGroups("lanes", 1), ("-ffp-contract=fast",),
    )  # fmt: skip


def _place(step: Step, position: int, role: InputKind, tensor: Tensor) -> Memory:
    if role == "lane":
        return step.space.make(tensor.dtype, tensor.shape, forever=True)
    return Memory(f"p{position}", torch.empty(tensor.shape, dtype=tensor.dtype, device="meta"))


def _write(step: Step, node: fx.Node) -> None:
    name = name_of(node)
    if name in BY_NUMBER:
        step.add(node)
    elif name in OPERATIONS:
        step.known[node] = OPERATIONS[name](step, node)
    else:
        raise UnsupportedOperationError(f"the operation {name}")


def _finish(step: Step, changed: Mapping[Given, fx.Node]) -> None:
    """Write what a step makes of a lane where it was; what is read and overwritten is moved out of the way first."""
    lanes = {one.memory.base for one in changed}
    values = [step.operand(node) for node in changed.values()]
    values = [
        step.copied(value, value.view) if isinstance(value, Memory) and value.base in lanes else value
        for value in values
    ]
    for one, value in zip(changed, values, strict=True):
        step.emit(loop(tuple(one.memory.view.shape), [value], [one.memory], same), [value])


def _text(step: Step, read: Sequence[Given], changed: Sequence[Given], width: int) -> str:
    buffers, size = step.space.place()
    return fill_template(
        "tensorwise/tensors.cpp",
        width,
        [one.memory.view.dtype for one in changed],
        bytes=max(LEAST_BYTES, size),
        pointers=indent(2, _pointers(read, changed)),
        buffers=indent(2, [*step.tables, *buffers]),
        loads=indent(4, _loads(read)),
        statements=indent(8, [*_loads_of_a_step(read), *step.lines]),
        stores=indent(6, _stores(changed)),
    )


def _pointers(read: Sequence[Given], changed: Sequence[Given]) -> list[str]:
    reads = [
        f"const {one.type}* const g{one.position} = static_cast<const {one.type}*>(given[{number}]);"
        for number, one in enumerate(read)
    ]
    return reads + [
        f"{one.type}* const m{one.position} = static_cast<{one.type}*>(made[{number}]);"
        for number, one in enumerate(changed)
    ]


def _loads(read: Sequence[Given]) -> list[str]:
    index: dict[InputKind, str] = {"seed": "seed", "setting": "setting", "shared": "0"}
    lines = []
    for one in read:
        at, size = one.position, one.size
        if one.role == "lane":
            lines.append(
                f"for (int64_t n = 0; n < {size}; ++n) {one.memory.base}[n] = g{at}[lane * {size} + n];"
            )
        elif one.role in index:
            lines.append(f"const {one.type}* const p{at} = g{at} + {index[one.role]} * {size};")
    return lines


def _loads_of_a_step(read: Sequence[Given]) -> list[str]:
    index: dict[InputKind, str] = {"step_seed": "(step * seeds + seed)", "step": "step"}
    return [
        f"const {one.type}* const p{one.position} = g{one.position} + {index[one.role]} * {one.size};"
        for one in read
        if one.role in index
    ]


def _stores(changed: Sequence[Given]) -> list[str]:
    return [
        f"for (int64_t n = 0; n < {one.size}; ++n) m{one.position}[ahead * {one.size} + n] = {one.memory.base}[n];"
        for one in changed
    ]
