"""Write reductions of tensors in memory."""

import math
from typing import NamedTuple

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.tensorwise.allocation import Memory


class Reduction(NamedTuple):
    """How numbers become one."""

    start: str
    """What is there before the first."""
    each: str
    """What becomes of a number `x` first."""
    join: str
    """What becomes of what is there, `a`, and the next, `b`."""
    end: str
    """What becomes of the outcome `a` of `n` numbers."""


SUM = Reduction("0", "x", "a + b", "a")
REDUCTIONS = {
    "sum": SUM,
    "mean": SUM._replace(end="a / {n}"),
    "prod": SUM._replace(start="1", join="a * b"),
    "amax": Reduction("-INFINITY", "x", "maximum(a, b)", "a"),
    "amin": Reduction("INFINITY", "x", "minimum(a, b)", "a"),
    "any": Reduction("false", "x", "a | b", "a"),
    "all": Reduction("true", "x", "a & b", "a"),
}
NORMS = {
    1: SUM._replace(each="of_abs(x)"),
    2: SUM._replace(each="x * x", end="of_sqrt(a)"),
    math.inf: Reduction("0", "of_abs(x)", "maximum(a, b)", "a"),
}


def norm_of(order: float) -> Reduction:
    """Give the reduction of a vector norm; raise UnsupportedOperationError for orders other than 1, 2 and ∞."""
    if order not in NORMS:
        raise UnsupportedOperationError(f"norms of order {order}")
    return NORMS[order]


def reduce_rows(reduction: Reduction, given: Memory, outcome: Memory, dimensions: list[int]) -> list[str]:
    """Write the reduction of `given` along `dimensions` into `outcome`, which has the others, one after the other."""
    shape, strides = given.view.shape, given.view.stride()
    kept = [
        (shape[axis], strides[axis])
        for axis in range(len(shape))
        if axis not in dimensions and shape[axis] > 1
    ]
    gone = sorted(
        ((shape[axis], strides[axis]) for axis in dimensions if shape[axis] > 1), key=lambda one: -one[1]
    )
    count = math.prod(size for size, _ in gone)
    kind = outcome.type
    lines, places = [], []
    width = math.prod(size for size, _ in kept)
    for level, (size, stride) in enumerate(kept):
        width //= size
        lines.append(f"for (int64_t k{level} = 0; k{level} < {size}; ++k{level}) {{")
        places.append((f"k{level} * {stride}", f"k{level} * {width}"))
    source, target = given.at(*(one for one, _ in places)), outcome.at(*(two for _, two in places))
    lines.append(f"{kind} total = {reduction.start};")
    *outer, (length, stride) = gone or [(1, 1)]
    for level, (size, step) in enumerate(outer):
        lines.append(f"for (int64_t r{level} = 0; r{level} < {size}; ++r{level}) {{")
        source += f" + r{level} * {step}"
    lines.append(
        f"total = reduced<{kind}>({source}, {length}, {stride}, total, {kind}({reduction.start}), "
        f"[](auto x) {{ return {reduction.each}; }}, [](auto a, auto b) {{ return {reduction.join}; }});"
    )
    lines += ["}"] * len(outer)
    end = reduction.end.format(n=f"{kind}({count})")
    lines.append(f"*({target}) = [](auto a) {{ return {end}; }}(total);")
    return lines + ["}"] * len(kept)
