"""Columns of a stored trial, and their conversion from and to Parquet bytes."""

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchbed.interfaces import TrialStatus

SCHEMA_VERSION = 8

_TEXT, _COUNT, _NUMBER = pa.string(), pa.int64(), pa.float64()
_NUMBERS = pa.list_(_NUMBER)

TRIAL_SCHEMA = pa.schema(
    [
        ("trial_key", _TEXT),
        ("problem", _TEXT),
        ("problem_parameters", _TEXT),  # JSON
        ("optimizer", _TEXT),
        ("hyperparameters", _TEXT),  # JSON
        ("tracks", pa.list_(_TEXT)),  # filled on loading, since the plan may change
        ("role", _TEXT),
        ("seed", _COUNT),
        ("gradient", _TEXT),
        ("oracle", _TEXT),
        ("budget", _COUNT),
        ("status", _TEXT),
        ("error", _TEXT),
        ("calls", _NUMBER),
        ("steps", _COUNT),
        ("initial_objective", _NUMBER),
        ("final_objective", _NUMBER),
        ("best_objective", _NUMBER),
        ("optimum", _NUMBER),
        ("scale", _NUMBER),
        ("gap", _NUMBER),
        ("gradient_norm", _NUMBER),
        ("calls_to_target", _NUMBERS),  # null where not reached, NaN where not scored
        ("curve_calls", _NUMBERS),
        ("curve_objective", _NUMBERS),
        ("curve_gradient_norm", _NUMBERS),
        ("curve_metrics", pa.map_(_TEXT, _NUMBERS)),  # null in parts of schema 5
        ("curve_theta", pa.list_(_NUMBERS)),
        ("final_theta", _NUMBERS),
        ("metrics", pa.map_(_TEXT, _NUMBER)),
        (
            "metric_errors",
            pa.map_(_TEXT, _TEXT),
        ),  # why a metric has no value; this and score_error: null in schema 4
        ("score_error", _TEXT),  # why the gap is unknown although the problem has an optimum
        ("wall_seconds", _NUMBER),
        ("state_bytes", _NUMBER),
        ("reads_progress", pa.bool_()),  # null where nothing was measured, and in parts of schema 1
        ("batch_trials", _COUNT),
        ("engine", _TEXT),
        ("engine_requested", _TEXT),  # this and fallback_reason: null in parts of schema 3
        ("engine_reason", _TEXT),
        ("fallback_reason", _TEXT),
        ("device", _TEXT),
        ("dtype", _TEXT),
        ("threads", _COUNT),
        ("jobs", _COUNT),
        ("attempt", _COUNT),
        ("problem_source", _TEXT),
        ("optimizer_source", _TEXT),
        ("gradient_source", _TEXT),  # null in parts of schema 2
        ("metric_sources", pa.map_(_TEXT, _TEXT)),  # null in parts of schema 4
        ("score_start", _NUMBER),  # null in parts of schema 6: 10⁻⁴
        ("peak_bytes", _NUMBER),  # of the process while the batch ran; null in parts of schema 7
    ],
    metadata={"benchbed_schema": str(SCHEMA_VERSION)},
)
ADDED_IN = {
    "reads_progress": 2, "gradient_source": 3, "engine_requested": 4, "fallback_reason": 4, "metric_sources": 5,
    "metric_errors": 5, "score_error": 5, "curve_metrics": 6, "score_start": 7, "peak_bytes": 8,
}  # fmt: skip
"""Schema in which a column was added; the column is null in parts of earlier schemas."""
EXECUTION_COLUMNS = frozenset(
    {
        "wall_seconds", "engine_requested", "engine_reason", "fallback_reason", "jobs", "attempt", "threads",
        "metric_sources", "peak_bytes",
    }
)  # fmt: skip
"""Columns that may differ when the same batch runs again."""


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Build a table of trials; columns that are missing in a row are null."""
    columns = [pa.array([row.get(field.name) for row in rows], type=field.type) for field in TRIAL_SCHEMA]
    return pa.Table.from_arrays(columns, schema=TRIAL_SCHEMA)


def to_bytes(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def from_bytes(content: bytes) -> pa.Table:
    """Read the bytes of a part; columns that an earlier schema lacks are null.

    Raises: ValueError, OSError or pa.ArrowException if the bytes are damaged or are not a part, NewerSchemaError if a
    newer benchbed wrote them.
    """
    # `read_table` would import the modules for data sets of several files first.
    # One thread: those of pyarrow may still run when a command ends soon after, and then abort the process.
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    table = file.read(use_threads=False)
    table.validate(full=True)
    version = int((table.schema.metadata or {}).get(b"benchbed_schema", b"0"))
    if version > SCHEMA_VERSION:
        raise NewerSchemaError(version)
    expected = pa.schema([field for field in TRIAL_SCHEMA if ADDED_IN.get(field.name, 1) <= version])
    if not table.schema.equals(expected):
        raise ValueError("its columns are not those of a stored trial")
    nulls = pa.nulls(len(table))
    columns = [
        table[field.name] if field.name in expected.names else nulls.cast(field.type)
        for field in TRIAL_SCHEMA
    ]
    trials = pa.Table.from_arrays(columns, schema=TRIAL_SCHEMA)
    if not _are_consistent(trials):
        raise ValueError("its values are not those of stored trials")
    return trials


def columns_from_bytes(
    content: bytes, columns: Sequence[str], keys: Collection[str], excluded: Collection[str]
) -> pa.Table:
    """Read some columns of the trials with these keys, without the excluded ones, of a part that was read before.

    Columns that an earlier schema lacks are null.
    """
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    stored_keys = file.read(columns=["trial_key"], use_threads=False)["trial_key"].to_pylist()
    selected = [row for row, key in enumerate(stored_keys) if key in keys and key not in excluded]
    schema = pa.schema([TRIAL_SCHEMA.field(name) for name in columns])
    if not selected:
        return schema.empty_table()
    stored = [name for name in columns if name in file.schema_arrow.names]
    table = file.read(columns=stored, use_threads=False)
    table = table if len(selected) == len(stored_keys) else table.take(selected)
    arrays = [
        table[name] if name in stored else pa.nulls(len(table), schema.field(name).type) for name in columns
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def newest_rows(trials: pa.Table) -> pa.Table:
    """Return the last row of each trial."""
    if pc.count_distinct(trials["trial_key"]).as_py() == len(trials):  # usually
        return trials
    newest = {key: row for row, key in enumerate(trials["trial_key"].to_pylist())}
    return trials.take(sorted(newest.values()))


def _are_consistent(trials: pa.Table) -> bool:
    """Return whether keys, statuses and lengths are such that tables and plots can be computed from the trials."""
    scored = trials.filter(pc.is_valid(trials["calls_to_target"]))
    curves = [trials[name] for name in ("curve_calls", "curve_objective", "curve_gradient_norm")]
    lengths = [pc.fill_null(pc.list_value_length(curve), -1) for curve in curves]
    return (
        not trials["trial_key"].null_count
        and set(trials["status"].unique().to_pylist()) <= set(TrialStatus)
        and all(length.equals(lengths[0]) for length in lengths)
        and all(budget is not None and budget > 0 for budget in scored["budget"].unique().to_pylist())
    )


class NewerSchemaError(Exception):
    """A part was written by a newer benchbed, which stores more columns."""
