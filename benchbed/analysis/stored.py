"""Stored trials by key, column by column: a mapping for each row would take most of the memory of a study."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchbed import arrays


class StoredTrials:
    """The columns of stored trials; `rows` are positions of trials in them."""

    def __init__(self, trials: pa.Table) -> None:
        self._trials = trials
        self._lists: dict[str, list[Any]] = {}
        self._numbers: dict[str, np.ndarray] = {}
        self._positions = {key: row for row, key in enumerate(trials["trial_key"].to_pylist())}

    def __contains__(self, key: str) -> bool:
        """Return whether a trial is stored."""
        return key in self._positions

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Return the positions of trials, which must be stored: `[keys]`."""
        return np.array([self._positions[key] for key in keys], dtype=int)

    def values(self, name: str, rows: np.ndarray) -> list[Any]:
        """Return the values of a column, None where they are null."""
        if name not in self._lists:
            self._lists[name] = self._trials[name].to_pylist()
        column = self._lists[name]
        return [column[row] for row in rows.tolist()]

    def numbers(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Return the values of a column of numbers, NaN where they are null: `[rows]`."""
        if name not in self._numbers:
            self._numbers[name] = arrays.numbers(self._trials[name])
        return np.asarray(self._numbers[name][rows])

    def calls_to_target(self, rows: np.ndarray, is_measured: np.ndarray, targets: int) -> list[list[float]]:
        """Return the calls to the first targets, +inf where not reached, or where nothing was measured.

        A trial that failed or diverged does not stay at the targets that it met. A trial without scored targets has an
        empty list.
        """
        is_empty = (self._calls.lengths[rows] == 0) & ~self._has_no_calls[rows]
        is_listed = is_measured & (self._calls.lengths[rows] > 0)
        calls = np.full((len(rows), targets), math.inf)
        calls[is_listed] = self._call_numbers[self._calls.rows(rows[is_listed], targets)]
        return [[] if empty else of_trial for empty, of_trial in zip(is_empty, calls.tolist(), strict=True)]

    def metrics(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the metrics at final points by name: `[rows]`, NaN where a trial has no value."""
        return {name: values[rows] for name, values in self._metrics.items()}

    @functools.cached_property
    def _calls(self) -> arrays.Lists:
        return arrays.lists(self._trials["calls_to_target"])

    @functools.cached_property
    def _call_numbers(self) -> np.ndarray:
        return np.where(arrays.is_null(self._calls.items), math.inf, arrays.numbers(self._calls.items))

    @functools.cached_property
    def _has_no_calls(self) -> np.ndarray:
        return arrays.is_null(self._trials["calls_to_target"])

    @functools.cached_property
    def _metrics(self) -> dict[str, np.ndarray]:
        maps = self._trials["metrics"].combine_chunks()
        items, offsets = arrays.lists(self._trials["metrics"])
        encoded = pc.dictionary_encode(maps.keys.slice(maps.offsets[0].as_py(), len(items)))
        names, values = encoded.indices.to_numpy(), arrays.numbers(items)
        row_of_item = np.repeat(np.arange(len(self._trials)), np.diff(offsets))
        metrics = {}
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            metrics[name] = np.full(len(self._trials), math.nan)
            metrics[name][row_of_item[names == code]] = values[names == code]
        return metrics
