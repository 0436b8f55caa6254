"""A damaged folder is repaired, and an unusable folder is left unchanged."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchbed.store import TRIAL_SCHEMA

pytestmark = pytest.mark.slow


def truncate(part):
    part.write_bytes(part.read_bytes()[:-100])


def empty(part):
    part.write_bytes(b"")


def replace_by_foreign(part):
    pd.DataFrame({"trial_key": ["x"], "status": ["solved"]}).to_parquet(part)


def flip_a_bit(part):
    content = bytearray(part.read_bytes())
    content[len(content) // 3] ^= 1
    part.write_bytes(content)


def replace_by_text(part):
    part.write_text("PAR1")


DAMAGES = [truncate, empty, replace_by_foreign, flip_a_bit, replace_by_text]


@pytest.fixture(scope="module")
def again(uninterrupted, run_once, run_in_process, faulty_run):
    """Return a function that copies the uninterrupted study, damages it, and runs its command again."""

    def rerun(name, damage):
        def fill(folder):
            shutil.copytree(uninterrupted, folder, dirs_exist_ok=True)
            damage(folder / "study")
            suite = folder / "study" / "suite.toml"
            options = [suite, "--plugin", faulty_run[2], "-j", "2", "-O", "study"]
            result = run_in_process(folder, "run", *options, BENCHBED_TEST_GATE=folder / "gate")
            (folder / "seen.json").write_text(json.dumps([result.returncode, result.stderr]))

        folder = run_once(f"damaged-{name}", fill)
        return folder / "study", *json.loads((folder / "seen.json").read_text())

    return rerun


@pytest.fixture(scope="module")
def repaired(again):
    """Damage one part in each way, add two temporary files, and run again."""

    def damage(folder):
        parts = sorted((folder / "trials").glob("*.parquet"))
        for part, spoil in zip(parts, DAMAGES, strict=False):
            spoil(part)
        (folder / "trials" / "000099-x.parquet.abc.partial").write_bytes(b"half")
        (folder / "plan.json.abc.partial").write_bytes(b"half")

    return again("repaired", damage)


def test_a_damaged_folder_is_completed(repaired):
    """The trials of the damaged parts run again."""
    _, code, errors = repaired
    assert code == 0
    assert "Traceback" not in errors


def test_the_results_are_as_before_the_damage(repaired, uninterrupted, rows):
    """Every column except for the times is equal to the bit."""
    folder, _, _ = repaired
    assert json.dumps(rows(folder)) == json.dumps(rows(uninterrupted / "study"))


@pytest.mark.parametrize("index", range(len(DAMAGES)), ids=[damage.__name__ for damage in DAMAGES])
def test_a_damaged_part_is_set_aside_with_a_warning(index, repaired, uninterrupted):
    """It is moved, not deleted."""
    folder, _, errors = repaired
    name = sorted(path.name for path in (uninterrupted / "study" / "trials").iterdir())[index]
    assert (folder / "set-aside" / name).exists()
    assert any(line.startswith("warning: ") and name in line for line in errors.splitlines())


def test_other_parts_are_unchanged(repaired, uninterrupted, contents):
    """They are equal byte for byte."""
    folder, _, _ = repaired
    before = dict(sorted(contents(uninterrupted / "study" / "trials").items())[len(DAMAGES) :])
    assert before.items() <= contents(folder / "trials").items()


def test_stale_temporary_files_are_removed_with_a_warning(repaired):
    """A driver that died while it wrote has left them."""
    folder, _, errors = repaired
    assert list(folder.rglob("*.partial")) == []
    assert errors.count(".partial, which an interrupted run left unfinished") == 2


def test_a_folder_of_a_later_benchbed_is_rejected_unchanged(again, uninterrupted, contents):
    """The exit code is 3, and even a damaged part in it is not moved."""

    def damage(folder):
        first, second = sorted((folder / "trials").glob("*.parquet"))[:2]
        truncate(first)
        later = TRIAL_SCHEMA.append(pa.field("new", pa.string())).with_metadata({"benchbed_schema": "99"})
        pq.write_table(later.empty_table(), second)
        (folder / "trials" / "000099-x.parquet.abc.partial").write_bytes(b"half")
        (folder.parent / "before.json").write_text(json.dumps(contents(folder)))

    folder, code, errors = again("later", damage)
    assert code == 3
    assert "was written by a later benchbed (schema 99); update benchbed" in errors
    assert contents(folder) == json.loads((folder.parent / "before.json").read_text())


@pytest.mark.parametrize("output", ["file", "file/below", "/proc/benchbed"])
def test_an_output_that_is_not_a_folder_exits_with_3(output, run_in_process, tmp_path):
    """The message has the path and the solution, and no trial runs."""
    (tmp_path / "file").write_text("mine")
    result = run_in_process(tmp_path, "run", "-p", "quadratic", "-o", "gd", "--preset", "quick", "-O", output)
    assert result.returncode == 3
    assert result.stderr.startswith("error: cannot use ")
    assert "choose " in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_exits_with_3(run_in_process, tmp_path):
    """A read-only folder is rejected before any trial runs."""
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o500)
    result = run_in_process(tmp_path, "run", "-p", "quadratic", "-o", "gd", "--preset", "quick", "-O", folder)
    assert result.returncode == 3
    assert list(folder.iterdir()) == []


def test_a_full_disk_exits_with_3_and_the_study_can_be_resumed(
    run_benchbed, run_in_process, tmp_path, faulty_run
):
    """Files are limited to 4 KiB: the first part cannot be written, and no incomplete file remains."""
    options = [*map(str, faulty_run), "-p", "quadratic", "-o", "gd", "--track", "default", "-O", "study"]
    limited = run_benchbed(tmp_path, *options, shell='ulimit -f 8; "$@"')
    assert limited.returncode == 3, limited.stderr
    assert "error: cannot write " in limited.stderr
    assert "a limit forbids files of this size; raise it (ulimit -f)" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert list(Path("study").rglob("*.partial")) == []
    assert run_in_process(tmp_path, *options).returncode == 0
