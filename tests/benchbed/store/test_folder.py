"""The study folder: stored batches, the lock, and damaged files."""

import pytest

from benchbed.errors import StudyFolderError
from benchbed.store import StudyFolder, from_bytes, table_of, to_bytes


def part(key, status="solved"):
    return to_bytes(table_of([{"trial_key": key, "status": status}]))


@pytest.fixture
def folder(tmp_path):
    """A locked study folder."""
    with StudyFolder(tmp_path / "study") as folder:
        yield folder


def test_a_folder_without_parts_has_no_trials(folder):
    """The table is empty and has all columns."""
    assert folder.read_trials().num_rows == 0


def test_the_newest_row_of_a_trial_counts(folder):
    """A trial that ran again replaces its earlier row, regardless of the names of the parts."""
    folder.add_part("z", part("a", "failed"))
    folder.add_part("b", part("other"))
    folder.add_part("a", part("a", "solved"))
    rows = {row["trial_key"]: row["status"] for row in folder.read_trials().to_pylist()}
    assert rows == {"a": "solved", "other": "solved"}


def test_parts_are_numbered_beyond_the_millionth(folder):
    """The next number follows the largest number, not the last name."""
    (folder.path / "trials").mkdir()
    (folder.path / "trials" / "999999-x.parquet").write_bytes(part("a"))
    folder.add_part("x", part("b"))
    assert (folder.path / "trials" / "1000000-x.parquet").exists()


def test_a_folder_has_one_writer(folder):
    """The message to a second one says to wait."""
    with pytest.raises(StudyFolderError, match="in use by another benchbed"), StudyFolder(folder.path):
        pass


def test_reading_needs_no_lock_and_changes_nothing(folder):
    """A running study can be read, and a damaged part stays."""
    folder.add_part("x", part("a"))
    damaged = folder.path / "trials" / "000002-y.parquet"
    damaged.write_bytes(b"damaged")
    reader = StudyFolder(folder.path)
    assert reader.read_trials().num_rows == 1
    assert damaged.exists()
    assert len(reader.warnings) == 1


def test_a_folder_with_the_name_of_a_part_is_set_aside(folder):
    """The study continues."""
    (folder.path / "trials" / "000001-x.parquet").mkdir(parents=True)
    assert folder.read_trials(repair=True).num_rows == 0
    assert (folder.path / "set-aside" / "000001-x.parquet").is_dir()


def test_a_log_replaces_text_that_cannot_be_encoded(folder):
    """A worker may print any bytes."""
    assert folder.write_log("a", "\udcff").read_bytes() == b"?"


def test_a_damaged_plan_is_reported_with_its_path(folder):
    """The message contains the file."""
    (folder.path / "plan.json").write_text("{")
    with pytest.raises(StudyFolderError, match=r"cannot read .*plan\.json"):
        folder.read_plan()


def test_a_flipped_bit_never_changes_the_rows():
    """A part with one flipped bit either is rejected or contains the same rows."""
    content = part("abcdefgh" * 20)
    intact = from_bytes(content)
    for position in range(0, len(content), 17):
        flipped = bytearray(content)
        flipped[position] ^= 1
        try:
            table = from_bytes(bytes(flipped))
        except Exception:  # noqa: BLE001 (any exception counts as rejection)
            continue
        assert table.equals(intact), position


def test_the_folder_is_listed_once_for_many_parts(folder, monkeypatch):
    """Listing it for each part would take time for each pair of parts."""
    listed = []
    parts = StudyFolder.parts
    monkeypatch.setattr(StudyFolder, "parts", lambda self: listed.append(self) or parts(self))
    for key in "abcd":
        folder.add_part("x", part(key))
    assert len(listed) == 1
    assert [path.name[:6] for path in parts(folder)] == ["000001", "000002", "000003", "000004"]


def test_parts_that_another_process_added_are_counted_again(folder):
    """A folder object that is locked a second time, as the figures of a course are."""
    folder.add_part("x", part("a"))
    folder.__exit__()
    with StudyFolder(folder.path) as other:
        other.add_part("y", part("b"))
    with folder:
        folder.add_part("z", part("c"))
    assert [path.name for path in folder.parts()] == [f"{n:06d}-{c}.parquet" for n, c in enumerate("xyz", 1)]


def test_a_selection_of_each_part_is_read(folder):
    """Also of a folder without parts; the newest row of a trial counts."""
    assert folder.read_trials(select=lambda trials: trials.select(["trial_key"])).column_names == [
        "trial_key"
    ]
    folder.add_part("x", part("a", "failed"))
    folder.add_part("x", part("a", "solved"))
    trials = folder.read_trials(select=lambda trials: trials.select(["trial_key", "status"]))
    assert trials.to_pylist() == [{"trial_key": "a", "status": "solved"}]


def test_columns_of_some_trials_are_read(folder):
    """The newest rows of the trials with these keys, from the parts that were read."""
    for key, status in (("a", "failed"), ("b", "solved"), ("a", "solved"), ("c", "solved")):
        folder.add_part("x", part(key, status))
    assert folder.read_columns(["trial_key"], {"a"}).num_rows == 0
    folder.read_trials()
    folder.add_part("x", part("d"))
    rows = folder.read_columns(["trial_key", "status"], {"a", "c", "d"}).to_pylist()
    assert rows == [{"trial_key": "a", "status": "solved"}, {"trial_key": "c", "status": "solved"}]


def test_a_part_that_is_lost_after_reading_is_an_error(folder):
    """The message says to load the study again."""
    folder.add_part("x", part("a"))
    folder.read_trials()
    next(folder.path.glob("trials/*.parquet")).unlink()
    with pytest.raises(StudyFolderError, match="load the study again"):
        folder.read_columns(["trial_key"], {"a"})
