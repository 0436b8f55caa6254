"""Write products of matrices."""

from collections.abc import Callable

import numpy as np

from benchbed.codegen.emitter import Writer
from benchbed.codegen.expressions import Array, Call, Scalar


def _product(writer: Writer, call: Call, left: Array, right: Array) -> Array:
    result: Array = np.empty(call.shape, dtype=object)
    for *batch, row, column in np.ndindex(*call.shape):
        at = tuple(batch)
        across, down = left[(*at, row)].tolist(), right[(*at, slice(None), column)].tolist()
        result[(*at, row, column)] = writer.dot(across, down, call.dtype)
    return result


def _sum_and_product(
    writer: Writer, call: Call, added: Array, left: Array, right: Array, beta: Scalar = 1, alpha: Scalar = 1
) -> Array:
    product = _product(writer, call, left, right)
    product = product if alpha == 1 else writer.each("{} * {}", call.dtype, (product, alpha))
    if beta == 0:  # torch does not look at what is added, be it no number
        return product
    added = added if beta == 1 else writer.each("{} * {}", call.dtype, (added, beta))
    return writer.each("{} + {}", call.dtype, (added, product))


OPERATIONS: dict[str, Callable[..., Array]] = {
    "mm": _product,
    "bmm": _product,
    "addmm": _sum_and_product,
    "baddbmm": _sum_and_product,
}
