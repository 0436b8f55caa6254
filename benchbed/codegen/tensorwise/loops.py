"""Loops over the elements of tensors, W at a time along the last dimension."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.expressions import Array, Expression, c_type, literal, scalar_array
from benchbed.codegen.tensorwise.allocation import StridedMemory, UniformValue

TensorOperand = StridedMemory | UniformValue
ElementFunction = Callable[[Emitter, Sequence[Array]], Sequence[Array]]
"""Emits the computation of one element of each result from one element of each operand."""


class _LoopOperand(NamedTuple):
    memory: StridedMemory
    strides: list[int]
    """Along the loops."""


MIN_PART = 4
"""Least share of a vector, as its inverse, that is computed as one: functions of C++ run for each of its numbers."""


def element_loops(
    width: int,
    shape: tuple[int, ...],
    operands: Sequence[TensorOperand],
    results: Sequence[StridedMemory],
    compute: ElementFunction,
) -> list[str]:
    """Return the loops that compute `results` from `operands`, which all broadcast to `shape`.

    The numbers after the last complete vector of a row are computed as a part of a vector, or singly if they are few.
    """
    sizes = [size for size in shape if size > 1]
    reads = [
        _LoopOperand(operand, operand.expanded_strides(shape))
        if isinstance(operand, StridedMemory)
        else operand
        for operand in operands
    ]
    writes = [_LoopOperand(result, result.expanded_strides(shape)) for result in results]
    sizes = _collapse_contiguous(
        sizes, [each for each in (*reads, *writes) if isinstance(each, _LoopOperand)]
    )
    if not sizes:
        return ["{", *_loop_body(reads, writes, compute, count=0), "}"]
    *outer_sizes, length = sizes
    index, full = f"i{len(outer_sizes)}", length - length % width
    lines = [f"for (int64_t i{n} = 0; i{n} < {size}; ++i{n}) {{" for n, size in enumerate(outer_sizes)]
    if full:
        lines += [f"for (int64_t {index} = 0; {index} < {full}; {index} += W) {{"]
        lines += [*_loop_body(reads, writes, compute, count=width), "}"]
    if (length - full) * MIN_PART >= width:
        lines += [
            f"{{ const int64_t {index} = {full};",
            *_loop_body(reads, writes, compute, length - full),
            "}",
        ]
    elif full < length:
        lines += [f"for (int64_t {index} = {full}; {index} < {length}; ++{index}) {{"]
        lines += [*_loop_body(reads, writes, compute, count=0), "}"]
    return [*lines, *["}"] * len(outer_sizes)]


def copy_loops(width: int, target: StridedMemory, value: TensorOperand) -> list[str]:
    """Return the loops that copy `value`, which broadcasts, to `target`; they transpose matrices in blocks."""
    shape = tuple(target.view.shape)
    sizes = [size for size in shape if size > 1]
    if isinstance(value, StridedMemory) and value.view.dtype == target.view.dtype and len(sizes) > 1:
        reads, writes = value.expanded_strides(shape), target.expanded_strides(shape)
        rows, columns = sizes[-2:]
        is_transpose = reads[-2] == writes[-1] == 1 and reads[-1] >= rows and writes[-2] >= columns
        if is_transpose and min(rows, columns) >= width and target.view.dtype.is_floating_point:
            outer = range(len(sizes) - 2)
            source, to = (
                memory.address(*(f"i{level} * {strides[level]}" for level in outer))
                for memory, strides in ((value, reads), (target, writes))
            )
            return [
                *(f"for (int64_t i{level} = 0; i{level} < {sizes[level]}; ++i{level})" for level in outer),
                f"transpose<{columns}, {rows}>({source}, {reads[-1]}, {to}, {writes[-2]});",
            ]
    return element_loops(width, shape, [value], [target], lambda emitter, elements: elements)


def _collapse_contiguous(sizes: list[int], operands: Sequence[_LoopOperand]) -> list[int]:
    """Merge two nested loops where every operand is contiguous across them; return the sizes of the loops."""
    for level in range(len(sizes) - 1, 0, -1):
        if all(each.strides[level - 1] == each.strides[level] * sizes[level] for each in operands):
            sizes = [*sizes[: level - 1], sizes[level - 1] * sizes[level], *sizes[level + 1 :]]
            for each in operands:
                del each.strides[level - 1]
    return sizes


def _loop_body(
    reads: Sequence[_LoopOperand | UniformValue],
    writes: Sequence[_LoopOperand],
    compute: ElementFunction,
    count: int,
) -> list[str]:
    """Return the computation of `count` numbers as a vector, or of one as a scalar if it is 0."""
    is_vector = count > 0
    emitter, loads, elements = Emitter(), [], []
    for position, operand in enumerate(reads):
        if isinstance(operand, UniformValue):
            elements.append(scalar_array(literal(operand.value, operand.dtype)))
            continue
        stride, address = _stride_and_address(operand)
        dtype, loads_vector = operand.memory.view.dtype, is_vector and stride != 0
        name, type_name = f"v{position}", c_type(dtype, loads_vector)
        text = f"load_part<{type_name}, {count}>({address}, {stride})" if loads_vector else f"*({address})"
        loads.append(f"const {type_name} {name} = {text};")
        elements.append(scalar_array(Expression(name, dtype, loads_vector)))
    stores = []
    for target, result in zip(writes, compute(emitter, elements), strict=True):
        value = emitter.cast(result.item(), target.memory.view.dtype)
        stride, address = _stride_and_address(target)
        stores.append(
            f"store_part<{count}>({emitter.broadcast(value).text}, {address}, {stride});"
            if is_vector
            else f"*({address}) = {value.text};"
        )
    return [*loads, *emitter.statements, *stores]


def _stride_and_address(operand: _LoopOperand) -> tuple[int, str]:
    offsets = [f"i{level} * {stride}" for level, stride in enumerate(operand.strides) if stride]
    return operand.strides[-1] if operand.strides else 0, operand.memory.address(*offsets)
