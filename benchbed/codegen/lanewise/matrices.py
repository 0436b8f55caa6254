"""Lanewise lowering of matrix products."""

import numpy as np

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.expressions import Array, Scalar, TracedCall
from benchbed.codegen.operation_table import OperationTable

OPERATIONS = OperationTable()


@OPERATIONS.register("mm", "bmm")
def _product(emitter: Emitter, call: TracedCall, left: Array, right: Array) -> Array:
    result: Array = np.empty(call.shape, dtype=object)
    for *batch_index, row, column in np.ndindex(*call.shape):
        batch = tuple(batch_index)
        left_row, right_column = left[(*batch, row)], right[(*batch, slice(None), column)]
        result[(*batch, row, column)] = emitter.dot(left_row.tolist(), right_column.tolist(), call.dtype)
    return result


@OPERATIONS.register("addmm", "baddbmm")
def _add_product(
    emitter: Emitter,
    call: TracedCall,
    addend: Array,
    left: Array,
    right: Array,
    beta: Scalar = 1,
    alpha: Scalar = 1,
) -> Array:
    product = _product(emitter, call, left, right)
    if alpha != 1:
        product = emitter.elementwise("{} * {}", call.dtype, (product, alpha))
    if beta == 0:  # torch then ignores the addend, even NaN
        return product
    if beta != 1:
        addend = emitter.elementwise("{} * {}", call.dtype, (addend, beta))
    return emitter.elementwise("{} + {}", call.dtype, (addend, product))
