"""Rows 15 to 17: a folder that is damaged is mended, and one that cannot be used is left as it is."""

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
    part.write_text("PAR1, or is it?")


DAMAGES = [truncate, empty, replace_by_foreign, flip_a_bit, replace_by_text]


@pytest.fixture(scope="module")
def again(undisturbed, once, bench_here, misdeeds):
    """Give a function that copies the undisturbed study, damages it, and runs its line again."""

    def rerun(name, damage):
        def fill(folder):
            shutil.copytree(undisturbed, folder, dirs_exist_ok=True)
            damage(folder / "study")
            suite = folder / "study" / "suite.toml"
            asked = [suite, "--plugin", misdeeds[2], "-j", "2", "-O", "study"]
            result = bench_here(folder, "run", *asked, BENCHBED_TEST_GATE=folder / "gate")
            (folder / "seen.json").write_text(json.dumps([result.returncode, result.stderr]))

        folder = once(f"damaged-{name}", fill)
        return folder / "study", *json.loads((folder / "seen.json").read_text())

    return rerun


@pytest.fixture(scope="module")
def mended(again):
    """Damage a part in each way, leave two temporary files, and run again."""

    def damage(folder):
        parts = sorted((folder / "trials").glob("*.parquet"))
        for part, spoil in zip(parts, DAMAGES, strict=False):
            spoil(part)
        (folder / "trials" / "000099-x.parquet.abc.partial").write_bytes(b"half")
        (folder / "plan.json.abc.partial").write_bytes(b"half")

    return again("mended", damage)


def test_a_damaged_folder_is_completed(mended):
    """The trials of the lost parts run again, and the study ends well."""
    _, code, errors = mended
    assert code == 0
    assert "Traceback" not in errors


def test_the_results_are_as_before_the_damage(mended, undisturbed, rows):
    """Every column but the times is equal to the bit."""
    folder, _, _ = mended
    assert json.dumps(rows(folder)) == json.dumps(rows(undisturbed / "study"))


@pytest.mark.parametrize("place", range(len(DAMAGES)), ids=[damage.__name__ for damage in DAMAGES])
def test_a_damaged_part_is_set_aside_with_a_warning(place, mended, undisturbed):
    """Nothing is deleted: whoever wants to look at it still can."""
    folder, _, errors = mended
    name = sorted(path.name for path in (undisturbed / "study" / "trials").iterdir())[place]
    assert (folder / "set-aside" / name).exists()
    assert any(line.startswith("warning: ") and name in line for line in errors.splitlines())


def test_other_parts_are_not_touched(mended, undisturbed, contents):
    """What can be read is read, and stays byte for byte."""
    folder, _, _ = mended
    before = dict(sorted(contents(undisturbed / "study" / "trials").items())[len(DAMAGES) :])
    assert before.items() <= contents(folder / "trials").items()


def test_stale_temporary_files_are_removed_with_a_warning(mended):
    """A driver that died while writing left them."""
    folder, _, errors = mended
    assert list(folder.rglob("*.partial")) == []
    assert errors.count(".partial, which an interrupted run left unfinished") == 2


def test_a_folder_of_a_later_benchbed_is_refused_and_left_as_it_is(again, undisturbed, contents):
    """Exit code 3; even a damaged part beside it stays where it was."""

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
def test_a_place_that_is_no_folder_exits_with_3(output, bench_here, tmp_path):
    """One sentence names the path and what to do, before any trial."""
    (tmp_path / "file").write_text("mine")
    result = bench_here(tmp_path, "run", "-p", "quadratic", "-o", "gd", "--preset", "quick", "-O", output)
    assert result.returncode == 3
    assert result.stderr.startswith("error: cannot use ")
    assert "choose " in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_exits_with_3(bench_here, tmp_path):
    """A read-only folder is refused before any trial."""
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o500)
    result = bench_here(tmp_path, "run", "-p", "quadratic", "-o", "gd", "--preset", "quick", "-O", folder)
    assert result.returncode == 3
    assert list(folder.iterdir()) == []


def test_a_disk_that_refuses_exits_with_3_and_the_study_goes_on_later(bench, bench_here, tmp_path, misdeeds):
    """Files may not grow beyond 4 KiB: the first part cannot be written, and nothing half-written stays."""
    asked = [*map(str, misdeeds), "-p", "quadratic", "-o", "gd", "--track", "default", "-O", "study"]
    limited = bench(tmp_path, *asked, shell='ulimit -f 8; "$@"')
    assert limited.returncode == 3, limited.stderr
    assert "error: cannot write " in limited.stderr
    assert "Traceback" not in limited.stderr
    assert list(Path("study").rglob("*.partial")) == []
    assert bench_here(tmp_path, *asked).returncode == 0
