"""Write loops over the numbers of tensors: several at a time along the last dimension, and the rest one by one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchbed.codegen.emitter import Writer
from benchbed.codegen.expressions import Array, Number, c_type, literal, scalar_array
from benchbed.codegen.tensorwise.allocation import Constant, Memory

Operand = Memory | Constant
Compute = Callable[[Writer, Sequence[Array]], Sequence[Array]]
"""The numbers of the operands at a place -> those of the outcomes there."""


class _Leaf(NamedTuple):
    memory: Memory
    strides: list[int]
    """Along the loops."""


def loop(
    shape: tuple[int, ...], operands: Sequence[Operand], outcomes: Sequence[Memory], compute: Compute
) -> list[str]:
    """Write the loops that compute `outcomes` from `operands`, which all broadcast to `shape`."""
    sizes = [size for size in shape if size > 1]
    reads = [_Leaf(one, one.strides_over(shape)) if isinstance(one, Memory) else one for one in operands]
    writes = [_Leaf(one, one.strides_over(shape)) for one in outcomes]
    sizes, reads, writes = _joined(sizes, reads, writes)
    if not sizes:
        return ["{", *_body(reads, writes, compute, "", wide=False), "}"]
    *outer, inner = sizes
    opening = [
        f"for (int64_t i{level} = 0; i{level} < {size}; ++i{level}) {{" for level, size in enumerate(outer)
    ]
    last = f"i{len(outer)}"
    lines = [*opening, "{", f"int64_t {last} = 0;"]
    lines += [
        f"for (; {last} + W <= {inner}; {last} += W) {{",
        *_body(reads, writes, compute, last, wide=True),
        "}",
    ]
    lines += [f"for (; {last} < {inner}; ++{last}) {{", *_body(reads, writes, compute, last, wide=False), "}"]
    return [*lines, "}", *["}"] * len(opening)]


def same(writer: Writer, numbers: Sequence[Array]) -> Sequence[Array]:
    """Copy."""
    return numbers


def _joined(
    sizes: list[int], reads: Sequence[_Leaf | Constant], writes: Sequence[_Leaf]
) -> tuple[list[int], list[_Leaf | Constant], list[_Leaf]]:
    """Make one loop of two where everything lies one after the other."""
    leaves = [one for one in (*reads, *writes) if isinstance(one, _Leaf)]
    level = len(sizes) - 1
    while level > 0:
        if all(leaf.strides[level - 1] == leaf.strides[level] * sizes[level] for leaf in leaves):
            sizes = [*sizes[: level - 1], sizes[level - 1] * sizes[level], *sizes[level + 1 :]]
            for leaf in leaves:
                del leaf.strides[level - 1]
        level -= 1
    return sizes, list(reads), list(writes)


def _body(
    reads: Sequence[_Leaf | Constant], writes: Sequence[_Leaf], compute: Compute, last: str, wide: bool
) -> list[str]:
    writer, loads, numbers = Writer(), [], []
    for place, leaf in enumerate(reads):
        if isinstance(leaf, Constant):
            numbers.append(scalar_array(literal(leaf.value, leaf.dtype)))
            continue
        along = leaf.strides[-1] if leaf.strides else 0
        dtype, is_wide = leaf.memory.view.dtype, wide and along != 0
        name, kind = f"v{place}", c_type(leaf.memory.view.dtype, is_wide)
        address = leaf.memory.at(*_offsets(leaf.strides))
        value = f"*({address})" if not is_wide else f"taken<{kind}>({address}, {along})"
        loads.append(f"const {kind} {name} = {value};")
        numbers.append(scalar_array(Number(name, dtype, is_wide)))
    outcomes = compute(writer, numbers)
    stores = []
    for leaf, outcome in zip(writes, outcomes, strict=True):
        number = writer.cast(outcome.item(), leaf.memory.view.dtype)
        address, along = leaf.memory.at(*_offsets(leaf.strides)), leaf.strides[-1] if leaf.strides else 0
        stores.append(
            f"put({writer.widen(number).text}, {address}, {along});"
            if wide
            else f"*({address}) = {number.text};"
        )
    return [*loads, *writer.statements, *stores]


def _offsets(strides: Sequence[int]) -> list[str]:
    return [f"i{level} * {stride}" for level, stride in enumerate(strides) if stride]
