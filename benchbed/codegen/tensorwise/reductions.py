"""Reductions of tensors in memory."""

import math
from typing import NamedTuple

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.tensorwise.allocation import StridedMemory


class Reduction(NamedTuple):
    """A reduction as C++ expressions."""

    initial: str
    """The neutral element."""
    map: str
    """Applied to each number `x` first."""
    combine: str
    """The combination of `a`, the value so far, and `b`, the next number."""
    finish: str
    """The result for the combined value `a` of `n` numbers."""


SUM = Reduction("0", "x", "a + b", "a")
REDUCTIONS = {
    "sum": SUM,
    "mean": SUM._replace(finish="a / {n}"),
    "prod": SUM._replace(initial="1", combine="a * b"),
    "amax": Reduction("-INFINITY", "x", "maximum(a, b)", "a"),
    "amin": Reduction("INFINITY", "x", "minimum(a, b)", "a"),
    "any": Reduction("false", "x", "a | b", "a"),
    "all": Reduction("true", "x", "a & b", "a"),
}
NORMS = {
    1: SUM._replace(map="of_abs(x)"),
    2: SUM._replace(map="x * x", finish="of_sqrt(a)"),
    math.inf: Reduction("0", "of_abs(x)", "maximum(a, b)", "a"),
}


def norm_reduction(order: float) -> Reduction:
    """Return the reduction of a vector norm; raise UnsupportedOperationError for orders other than 1, 2 and ∞."""
    if order not in NORMS:
        raise UnsupportedOperationError(f"norms of order {order}")
    return NORMS[order]


def reduction_loops(
    reduction: Reduction, source: StridedMemory, target: StridedMemory, dimensions: list[int]
) -> list[str]:
    """Return the loops that reduce `source` along `dimensions` into `target`, which is contiguous."""
    shape, strides = source.view.shape, source.view.stride()
    long_axes = [axis for axis in range(len(shape)) if shape[axis] > 1]
    remaining = [(shape[axis], strides[axis]) for axis in long_axes if axis not in dimensions]
    reduced = [(shape[axis], strides[axis]) for axis in dimensions if shape[axis] > 1]
    *outer, (length, stride) = sorted(reduced, key=lambda dimension: -dimension[1]) or [(1, 1)]
    lines, source_offsets, target_offsets = [], [], []
    target_stride = math.prod(size for size, _ in remaining)
    for level, (size, source_stride) in enumerate(remaining):
        target_stride //= size
        lines.append(f"for (int64_t k{level} = 0; k{level} < {size}; ++k{level}) {{")
        source_offsets.append(f"k{level} * {source_stride}")
        target_offsets.append(f"k{level} * {target_stride}")
    type_name = target.type
    lines.append(f"{type_name} total = {reduction.initial};")
    for level, (size, source_stride) in enumerate(outer):
        lines.append(f"for (int64_t r{level} = 0; r{level} < {size}; ++r{level}) {{")
        source_offsets.append(f"r{level} * {source_stride}")
    lines.append(
        f"total = reduce_row<{type_name}>({source.address(*source_offsets)}, {length}, {stride}, total, "
        f"{type_name}({reduction.initial}), [](auto x) {{ return {reduction.map}; }}, "
        f"[](auto a, auto b) {{ return {reduction.combine}; }});"
    )
    lines += ["}"] * len(outer)
    finish = reduction.finish.format(n=f"{type_name}({math.prod(size for size, _ in reduced)})")
    lines.append(f"*({target.address(*target_offsets)}) = [](auto a) {{ return {finish}; }}(total);")
    return lines + ["}"] * len(remaining)
