"""Reductions of tensors in memory."""

import math
from typing import NamedTuple

import torch

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
    """Return the loops that reduce `source` along `dimensions` into `target`, which is contiguous.

    They run along the rows of the source, or over several rows at once if its columns are reduced.
    """
    shape, strides = source.view.shape, source.view.stride()
    kept = [axis for axis in range(len(shape)) if shape[axis] > 1 and axis not in dimensions]
    target_strides = torch.empty([shape[axis] for axis in kept], device="meta").stride()
    remaining = _collapse(
        [(shape[axis], strides[axis], stride) for axis, stride in zip(kept, target_strides, strict=True)]
    )
    reduced: list[tuple[int, ...]] = sorted(
        ((shape[axis], strides[axis]) for axis in dimensions if shape[axis] > 1), key=lambda x: -x[1]
    )
    *further, (rows, row), (length, stride) = [(1, 0), (1, 0), *_collapse(reduced)]
    outer: list[tuple[int, ...]] = [loop for loop in further if loop != (1, 0)]
    type_name, count = target.type, math.prod(size for size, _ in reduced)
    finish = f"[](auto a) {{ return {reduction.finish.format(n=f'{type_name}({count})')}; }}"
    functions = (
        f"{type_name}({reduction.initial}), [](auto x) {{ return {reduction.map}; }}, "
        f"[](auto a, auto b) {{ return {reduction.combine}; }}"
    )
    has_columns = remaining and remaining[-1][1:] == (1, 1) and stride != 1
    if has_columns and target.view.dtype.is_floating_point and source.view.dtype == target.view.dtype:
        columns = remaining.pop()[0]
        outer += [(rows, row)] if rows > 1 else []
        loops, source_offsets, target_offsets = _nested_loops(remaining, outer)
        to = target.address(*target_offsets)
        body = [
            f"for (int64_t n = 0; n < {columns}; ++n) ({to})[n] = {reduction.initial};",
            *loops[len(remaining) :],
            f"reduce_columns<{length}, {columns}>({source.address(*source_offsets)}, {stride}, {to}, {functions});",
            *["}"] * len(outer),
            f"for (int64_t n = 0; n < {columns}; ++n) ({to})[n] = {finish}(({to})[n]);",
        ]
    else:
        loops, source_offsets, target_offsets = _nested_loops(remaining, outer)
        reduce_rows = f"reduce_rows<{rows}, {length}>"
        body = [
            f"{type_name} total = {reduction.initial};",
            *loops[len(remaining) :],
            f"total = {reduce_rows}({source.address(*source_offsets)}, {row}, {stride}, total, {functions});",
            *["}"] * len(outer),
            f"*({target.address(*target_offsets)}) = {finish}(total);",
        ]
    return [*loops[: len(remaining)], *body, *["}"] * len(remaining)]


def _collapse(loops: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Merge nested loops, each a size and strides, where the outer one continues the inner one."""
    collapsed: list[tuple[int, ...]] = []
    for size, *strides in loops:
        if collapsed and all(
            outer == inner * size for outer, inner in zip(collapsed[-1][1:], strides, strict=True)
        ):
            collapsed[-1] = (size * collapsed[-1][0], *strides)
        else:
            collapsed.append((size, *strides))
    return collapsed


def _nested_loops(
    remaining: list[tuple[int, ...]], reduced: list[tuple[int, ...]]
) -> tuple[list[str], list[str], list[str]]:
    """Return the heads of loops over the remaining, then the reduced dimensions; and offsets in source and target."""
    lines, source_offsets, target_offsets = [], [], []
    for name, loops in (("k", remaining), ("r", reduced)):
        for level, (size, stride, *target_stride) in enumerate(loops):
            index = f"{name}{level}"
            lines.append(f"for (int64_t {index} = 0; {index} < {size}; ++{index}) {{")
            source_offsets.append(f"{index} * {stride}")
            target_offsets += [f"{index} * {each}" for each in target_stride]
    return lines, source_offsets, target_offsets
