"""Parts of earlier schemas: what they lack is null, and the rest is as it was."""

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


NEWER = ["reads_progress", "gradient_source", "engine_requested", "fallback_reason"]
"""Columns that the first schema had not."""


def part_of(version, without=()):
    """Write one row as a benchbed of schema `version` did, which had no columns `without`."""
    table = table_of([ROW]).drop_columns(list(without))
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"benchbed_schema": str(version)}), content)
    return content.getvalue()


def test_a_part_of_the_first_schema_is_read_with_nulls():
    """It lacks what was added later; every other column is there, in the order of today."""
    table = from_bytes(part_of(1, NEWER))
    assert table.schema.equals(TRIAL_SCHEMA, check_metadata=True)
    (row,) = table.to_pylist()
    assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW
    assert [row[name] for name in NEWER] == [None] * len(NEWER)


def test_a_part_of_the_second_schema_says_nothing_of_the_gradient_s_source():
    """It has `reads_progress` already."""
    (row,) = from_bytes(part_of(2, NEWER[1:])).to_pylist()
    assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW


def test_a_part_of_today_is_read_as_it_was_written():
    """With the column, true or false."""
    for reads in (True, False):
        (row,) = from_bytes(to_bytes(table_of([ROW | {"reads_progress": reads}]))).to_pylist()
        assert row == dict.fromkeys(TRIAL_SCHEMA.names) | ROW | {"reads_progress": reads}


@pytest.mark.parametrize(
    ("version", "without"),
    [(SCHEMA_VERSION, ["reads_progress"]), (1, []), (2, []), (1, [*NEWER, "gap"]), (0, NEWER)],
    ids=["lacks a column", "has two of later", "has one of later", "lacks one of its own", "names no schema"],
)
def test_a_part_whose_columns_are_not_those_of_its_schema_is_refused(version, without):
    """It is damaged, or of something else."""
    with pytest.raises(ValueError, match="its columns are not those of benchbed's trials"):
        from_bytes(part_of(version, without))


def test_every_column_that_was_added_is_a_column_of_a_schema():
    """A slip in the table of additions would refuse all earlier studies."""
    assert set(ADDED_IN) <= set(TRIAL_SCHEMA.names)
    assert set(ADDED_IN.values()) <= set(range(2, SCHEMA_VERSION + 1))


def test_a_folder_of_both_schemas_goes_on(tmp_path):
    """What an earlier benchbed stored is final and does not run again; nothing is claimed of what it did not store."""
    folder = StudyFolder(tmp_path / "study")
    folder.add_part("old", part_of(1, NEWER))
    folder.add_part("new", to_bytes(table_of([ROW | {"trial_key": "b", "reads_progress": True}])))
    table = folder.read_trials()
    assert isinstance(table, pa.Table)
    assert folder.warnings == []
    known = outcomes_of(table)
    assert {outcome.status for outcome in known.values()} <= FINAL_STATUSES
    assert {key: outcome.reads_progress for key, outcome in known.items()} == {"a": False, "b": True}
