"""Columns of Arrow tables as arrays: nulls, slices and groups."""

import math

import numpy as np
import pyarrow as pa

from benchbed import arrays


def chunked(values, type_=None):
    """Return a column of two chunks, of which the first is a slice."""
    half = len(values) // 2
    first, second = pa.array([*values[:1], *values[:half]], type_).slice(1), pa.array(values[half:], type_)
    return pa.chunked_array([first, second])


def test_the_items_of_lists_are_found_by_their_offsets():
    """Also of slices, empty lists and null."""
    rows = [[1.0, 2.0], [], [3.0], None, [4.0, 5.0], [6.0]]
    lists = arrays.lists(chunked(rows))
    assert lists.lengths.tolist() == [2, 0, 1, 0, 2, 1]
    items = lists.items.to_pylist()
    ends = zip(lists.offsets[:-1], lists.offsets[1:], strict=True)
    assert [items[start:end] for start, end in ends] == [row or [] for row in rows]
    is_pair = lists.lengths == 2
    assert lists.items.to_numpy()[lists.rows(is_pair, 2)].tolist() == [[1.0, 2.0], [4.0, 5.0]]


def test_the_items_of_maps_are_their_values():
    """Of a slice, too."""
    rows = [{"a": 1.0}, {"a": 2.0, "b": 3.0}, {}, {"b": 4.0}]
    column = chunked([list(row.items()) for row in rows], pa.map_(pa.string(), pa.float64()))
    assert arrays.lists(column).items.to_pylist() == [1.0, 2.0, 3.0, 4.0]
    assert arrays.lists(column.slice(1, 2)).items.to_pylist() == [2.0, 3.0]


def test_null_is_nan_and_is_known():
    """NaN is not null."""
    column = chunked([1.0, None, math.nan, 2.0])
    np.testing.assert_array_equal(arrays.numbers(column), [1.0, math.nan, math.nan, 2.0])
    assert arrays.is_null(column).tolist() == [False, True, False, False]


def test_codes_are_positions_in_the_dictionary():
    """Null is a value of its own, and each value has one code."""
    values = ["a", None, "b", "a", None, ""]
    codes, dictionary = arrays.codes(chunked(values))
    assert [dictionary[code] for code in codes] == values
    assert sorted(map(str, dictionary)) == ["", "None", "a", "b"]


def test_items_are_selected_by_positions_of_lists():
    """In any order, and more than once."""
    lists = arrays.lists(chunked([[1.0, 2.0], [], [3.0, 4.0], [5.0]]))
    assert lists.items.to_numpy()[lists.rows(np.array([2, 0, 2]), 2)].tolist() == [[3, 4], [1, 2], [3, 4]]


def test_groups_are_equal_in_all_columns():
    """In the order of their first rows; the rows of a group keep their order."""
    columns = [np.array([2, 1, 2, 1, 2]), np.array([0.5, 0.5, 0.5, 0.1, 0.1]), np.zeros(5)]
    assert [rows.tolist() for rows in arrays.groups(columns)] == [[0, 2], [1], [3], [4]]
    assert arrays.groups([np.array([])]) == []
