"""Parts of earlier schemas: columns that they lack are null, all others are unchanged."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchbed.interfaces import FINAL_STATUSES
from benchbed.store import TRIAL_SCHEMA, StudyFolder, from_bytes, table_of, to_bytes
from benchbed.store.schema import ADDED_IN, SCHEMA_VERSION
from benchbed.tuning.outcomes import outcomes_of

ROW = {
    "trial_key": "a",
    "status": "solved",
    "state_bytes": 8.0,
    "budget": 100,
    "calls_to_target": [1.0, None],
}


NEWER = [
    "reads_progress", "gradient_source", "engine_requested", "fallback_reason", "metric_sources", "metric_errors",
    "score_error", "curve_metrics", "score_start", "peak_bytes",
]  # fmt: skip
"""Columns that the first schema lacks."""


def part_of(version, without=()):
    """Write one row as a benchbed of schema `version`, without some columns, would have."""
    table = table_of([ROW]).drop_columns(list(without))
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"benchbed_schema": str(version)}), content)
    return content.getvalue()


def test_a_part_of_the_first_schema_is_read_with_nulls():
    """Columns that were added later are null; all columns have the current order."""
    table = from_bytes(part_of(1, NEWER))
    assert table.schema.equals(TRIAL_SCHEMA, check_metadata=True)
    (row,) = table.to_pylist()
    assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW
    assert [row[name] for name in NEWER] == [None] * len(NEWER)


def test_the_source_of_the_gradient_is_null_in_the_second_schema():
    """It already has `reads_progress`."""
    (row,) = from_bytes(part_of(2, NEWER[1:])).to_pylist()
    assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW


def test_a_part_of_the_current_schema_is_read_as_it_was_written():
    """A Boolean column is true or false."""
    for reads in (True, False):
        (row,) = from_bytes(to_bytes(table_of([ROW | {"reads_progress": reads}]))).to_pylist()
        assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW | {"reads_progress": reads}


@pytest.mark.parametrize(
    ("version", "without"),
    [(SCHEMA_VERSION, ["reads_progress"]), (1, []), (2, []), (1, [*NEWER, "gap"]), (0, NEWER)],
    ids=[
        "lacks a column",
        "has two newer columns",
        "has one newer column",
        "lacks an old column",
        "has no schema",
    ],
)
def test_a_part_with_other_columns_than_its_schema_is_rejected(version, without):
    """It is damaged, or another kind of file."""
    with pytest.raises(ValueError, match="its columns are not those of a stored trial"):
        from_bytes(part_of(version, without))


def test_every_added_column_is_a_column_of_the_schema():
    """A mistake in this table would reject all earlier studies."""
    assert set(ADDED_IN) <= set(TRIAL_SCHEMA.names)
    assert set(ADDED_IN.values()) <= set(range(2, SCHEMA_VERSION + 1))


def test_a_folder_may_contain_parts_of_two_schemas(tmp_path):
    """Trials of an earlier benchbed do not run again; columns that it did not store count as false."""
    folder = StudyFolder(tmp_path / "study")
    folder.add_part("old", part_of(1, NEWER))
    folder.add_part("new", to_bytes(table_of([ROW | {"trial_key": "b", "reads_progress": True}])))
    table = folder.read_trials()
    assert isinstance(table, pa.Table)
    assert folder.warnings == []
    outcomes = outcomes_of(table)
    assert {outcome.status for outcome in outcomes.values()} <= FINAL_STATUSES
    assert {key: outcome.reads_progress for key, outcome in outcomes.items()} == {"a": False, "b": True}
