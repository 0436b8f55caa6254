"""Columns of Arrow tables as NumPy arrays: a million trials take too long row by row."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Lists(NamedTuple):
    """A column of lists or maps: row i contains the items from `offsets[i]` to `offsets[i + 1]`."""

    items: pa.Array
    """Those of a map are its values."""
    offsets: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Lengths of the lists, 0 where they are null: `[rows]`."""
        return np.asarray(np.diff(self.offsets))

    def rows(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Return the positions of the first items of rows that have at least this length: `[rows, length]`.

        `rows` are the positions of the lists, or a mask that selects them.
        """
        return np.asarray(self.offsets[:-1][rows][:, None] + np.arange(length))


def lists(column: pa.ChunkedArray) -> Lists:
    """Return the lists of a column."""
    array = column.combine_chunks()
    items, offsets = array.items if pa.types.is_map(array.type) else array.values, array.offsets.to_numpy()
    offsets = offsets.astype(np.int64)
    return Lists(items.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0])


def numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return a column as floats, NaN where it is null."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=float)


def is_null(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Return whether each value is null."""
    return np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=bool)


def groups(columns: list[np.ndarray]) -> list[np.ndarray]:
    """Return the positions of rows that are equal in all columns, `[rows]` each, in the order of their first row."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, of_column = np.unique(column, return_inverse=True)
        if len(values) > 1:
            _, codes = np.unique(codes * len(values) + of_column, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    parts = np.split(order, starts[1:]) if len(order) else []
    return sorted(parts, key=lambda rows: int(rows[0]))


class Codes(NamedTuple):
    """A column as integers, `values[i]` being `dictionary[codes[i]]`."""

    codes: np.ndarray
    """`[rows]`."""
    dictionary: list[Any]
    """The distinct values of the column, among which None is one."""


def codes(column: pa.ChunkedArray) -> Codes:
    """Return an integer for each value of a column, and the value of each integer."""
    encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
    indices = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    return Codes(indices, encoded.dictionary.to_pylist())
