"""The study folder: parts, locks and what counts."""

import pytest

from benchbed.errors import StudyFolderError
from benchbed.store import StudyFolder, from_bytes, table_of, to_bytes


def part(key, status="solved"):
    return to_bytes(table_of([{"trial_key": key, "status": status}]))


@pytest.fixture
def folder(tmp_path):
    """Give a study folder that this test has for itself."""
    with StudyFolder(tmp_path / "study") as folder:
        yield folder


def test_a_folder_without_parts_has_no_trials(folder):
    """Reading it gives an empty table with all columns."""
    assert folder.read_trials().num_rows == 0


def test_the_newest_row_of_a_trial_counts(folder):
    """A trial that ran again replaces its earlier row, whatever the parts are called."""
    folder.add_part("z", part("a", "failed"))
    folder.add_part("b", part("other"))
    folder.add_part("a", part("a", "solved"))
    rows = {row["trial_key"]: row["status"] for row in folder.read_trials().to_pylist()}
    assert rows == {"a": "solved", "other": "solved"}


def test_parts_are_numbered_beyond_the_millionth(folder):
    """Numbers count, not the order of names."""
    (folder.path / "trials").mkdir()
    (folder.path / "trials" / "999999-x.parquet").write_bytes(part("a"))
    folder.add_part("x", part("b"))
    assert (folder.path / "trials" / "1000000-x.parquet").exists()


def test_a_folder_has_one_driver(folder):
    """A second is told to wait."""
    with pytest.raises(StudyFolderError, match="in use by another benchbed"), StudyFolder(folder.path):
        pass


def test_reading_needs_no_lock_and_changes_nothing(folder):
    """Whoever looks at a study that runs sees what is stored, and a damaged part stays."""
    folder.add_part("x", part("a"))
    damaged = folder.path / "trials" / "000002-y.parquet"
    damaged.write_bytes(b"damaged")
    reader = StudyFolder(folder.path)
    assert reader.read_trials().num_rows == 1
    assert damaged.exists()
    assert len(reader.warnings) == 1


def test_a_folder_named_like_a_part_is_set_aside(folder):
    """Whatever lies there, the study goes on."""
    (folder.path / "trials" / "000001-x.parquet").mkdir(parents=True)
    assert folder.read_trials(mend=True).num_rows == 0
    assert (folder.path / "set-aside" / "000001-x.parquet").is_dir()


def test_a_log_keeps_text_that_cannot_be_encoded(folder):
    """What a child leaves behind is anything."""
    assert folder.write_log("a.log", "\udcff").read_bytes() == b"?"


def test_a_plan_that_is_damaged_is_refused_with_its_place(folder):
    """The sentence names the file."""
    (folder.path / "plan.json").write_text("{")
    with pytest.raises(StudyFolderError, match=r"cannot read .*plan\.json"):
        folder.read_plan()


def test_a_flipped_bit_is_found():
    """A part with one bit flipped, wherever, is either refused or reads as it was."""
    content = part("abcdefgh" * 20)
    sound = from_bytes(content)
    for position in range(0, len(content), 17):
        flipped = bytearray(content)
        flipped[position] ^= 1
        try:
            table = from_bytes(bytes(flipped))
        except Exception:  # noqa: BLE001 (any refusal will do here)
            continue
        assert table.equals(sound), position
