"""Equality to the bit of stored trials that ran twice."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from benchbed.store.schema import EXECUTION_COLUMNS

PLACE_COLUMNS = EXECUTION_COLUMNS | {"batch_trials", "device", "engine"}
"""Columns in which equal results of one trial may differ between machines and batches."""


class DifferentTrial(NamedTuple):
    """A trial whose two rows differ."""

    row: int
    column: str


def first_difference(first: pa.Table, second: pa.Table) -> DifferentTrial | None:
    """Compare the rows of two tables of the same trials in the same order, without `PLACE_COLUMNS`.

    Floats are equal if their bits are. Returns the first different row of the first different column.
    """
    for name in first.column_names:
        if name not in PLACE_COLUMNS:
            columns = first[name].combine_chunks(), second[name].combine_chunks()
            if not _are_equal(*columns):
                pairs = (tuple(column.slice(row, 1) for column in columns) for row in range(len(first)))
                return DifferentTrial(
                    next(row for row, pair in enumerate(pairs) if not _are_equal(*pair)), name
                )
    return None


def _are_equal(first: pa.Array, second: pa.Array) -> bool:
    if pa.types.is_floating(first.type):
        first, second = first.view(pa.int64()), second.view(pa.int64())  # NaN does not equal itself
    elif pa.types.is_list(first.type):
        lengths = pc.list_value_length(first), pc.list_value_length(second)  # null for null
        return bool(lengths[0].equals(lengths[1]) and _are_equal(first.flatten(), second.flatten()))
    elif pa.types.is_map(first.type):
        return repr(first.to_pylist()) == repr(second.to_pylist())
    return bool(first.equals(second))
