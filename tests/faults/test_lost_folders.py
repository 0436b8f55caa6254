"""A folder that is moved, removed, shared or full while a study runs: exit 3, one sentence, no key twice."""

import os
import shutil
import subprocess

import pytest

from benchbed.store import StudyFolder, from_bytes

pytestmark = pytest.mark.slow

QUICK = ["--preset", "quick", "--track", "default", "--steps", "30", "--seeds", "2", "-j", "1"]
RUN = ["run", *(f"-p{name}" for name in ("quadratic", "quartic", "runge")), "-ogd", "-oadam", "-osgd", *QUICK]
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
ADVICE = "choose a writable folder with -O"


def may_mount():
    """Return whether this user may mount a file system that other processes do not see."""
    try:
        command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_mount = pytest.mark.skipif(not may_mount(), reason="no file system can be mounted")


def stored_keys(folder):
    """Return the keys of all stored rows."""
    tables = [from_bytes(path.read_bytes()) for path in sorted((folder / "trials").glob("*.parquet"))]
    return [key for table in tables for key in table["trial_key"].to_pylist()]


def in_namespace(script):
    """Return a shell script around the command that runs where file systems can be mounted on `disk`."""
    return f"mkdir -p disk; {' '.join(NAMESPACE)} bash -c '{script}' bash \"$@\""


def codes(folder):
    """Return the exit codes that a script has written."""
    return [int(code) for code in (folder / "codes").read_text().split()]


@pytest.fixture(scope="module")
def undisturbed(run_in_process, run_once):
    """Return the folder of the study that nothing disturbs."""
    return run_once("undisturbed", lambda folder: run_in_process(folder, *RUN, "-O", "study")) / "study"


@needs_mount
@pytest.mark.parametrize(
    ("full", "free", "cause"),
    [
        ("size=120k", "size=30m", "the disk is full ("),
        ("nr_inodes=14", "nr_inodes=1000", "no more files fit on the disk ("),
    ],
)
def test_a_full_disk_exits_with_3_and_the_study_resumes(
    full, free, cause, run_benchbed, undisturbed, rows, tmp_path
):
    """The parts stored before are readable, no incomplete file remains, and none of their trials runs again."""
    script = f"""
        mount -t tmpfs -o {full} tmpfs disk
        "$@"; echo $? > codes
        find disk -name "*.partial" > partial; cp -r disk/study before
        mount -o remount,{free} disk
        "$@"; echo $? >> codes
        cp -r disk/study after
    """
    result = run_benchbed(tmp_path, *RUN, "-O", "disk/study", shell=in_namespace(script))
    assert codes(tmp_path) == [3, 0], result.stderr
    assert "error: cannot write disk/study/" in result.stderr
    assert cause in result.stderr
    assert " bytes left" in result.stderr
    assert "and run the same command again" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "partial").read_text() == ""
    before, after = stored_keys(tmp_path / "before"), stored_keys(tmp_path / "after")
    assert 0 < len(before) < len(after) == len(set(after))
    assert after[: len(before)] == before
    assert rows(tmp_path / "after") == rows(undisturbed)


@needs_mount
def test_a_read_only_folder_is_read_but_not_written(run_benchbed, undisturbed, tmp_path):
    """`compare` and `verify` work; `report` and `run` give the cause, and advice that they accept."""
    shutil.copytree(undisturbed, tmp_path / "disk")
    script = """
        mount --bind disk disk; mount -o remount,ro,bind disk
        "$@" report disk 2> report; echo $? > codes
        "$@" report disk --only tables 2> only; echo $? >> codes
        "$@" run disk/suite.toml -O disk 2> run; echo $? >> codes
        "$@" run disk/suite.toml -O disk/new 2> below; echo $? >> codes
        "$@" compare disk disk > /dev/null; echo $? >> codes
        "$@" verify disk --sample 1 > /dev/null; echo $? >> codes
    """
    result = run_benchbed(tmp_path, plots=True, shell=in_namespace(script))
    assert result.stderr == ""
    assert codes(tmp_path) == [3, 3, 3, 3, 0, 0]
    for name in ("report", "only"):
        expected = "error: cannot use disk: Read-only file system; copy it to a folder that can be written\n"
        assert (tmp_path / name).read_text() == expected
    for name in ("run", "below"):
        assert (tmp_path / name).read_text().endswith(f": Read-only file system; {ADVICE}\n")


@pytest.fixture
def running(start_forked_command, make_environment, wait_for, tmp_path):
    """Return a function that starts a study, waits for its first parts, and returns the command and its gate."""
    commands = []

    def start():
        gate = tmp_path / "gate"
        gate.mkdir(exist_ok=True)
        commands.append(start_forked_command(tmp_path, make_environment(BENCHBED_TEST_GATE=gate)))
        wait_for(lambda: len(list(gate.glob("waiting-*"))) == 2)
        wait_for(lambda: len(list((tmp_path / "study" / "trials").glob("*.parquet"))) >= 3)
        return commands[-1], gate / "open"

    yield start
    for command in commands:
        command.kill()


def remove_lock(folder):
    (folder / ".lock").unlink()


def replace_lock(folder):
    (folder / ".lock").unlink()
    (folder / ".lock").touch()


def move(folder):
    folder.rename(folder.with_name("moved"))


def exchange(folder):
    folder.rename(folder.with_name("moved"))
    shutil.copytree(folder.with_name("moved"), folder)


def exchange_by_link(folder):
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(folder.with_name("moved"))
    (folder / ".lock").unlink()


@pytest.mark.parametrize(
    "disturb", [remove_lock, replace_lock, move, exchange, exchange_by_link, shutil.rmtree]
)
def test_a_driver_notices_that_its_folder_is_not_the_one_it_locked(disturb, running, tmp_path):
    """It stops at its next write, which goes nowhere."""
    command, gate = running()
    disturb(tmp_path / "study")
    before = sorted(str(path) for path in tmp_path.rglob("*.parquet"))
    gate.touch()
    code, errors = command.wait()
    assert code == 3
    assert errors.endswith("finished trials are where it is now, and the same command continues with them\n")
    assert "error: study or the file .lock in it was moved, removed or replaced" in errors
    assert "Traceback" not in errors
    assert sorted(str(path) for path in tmp_path.rglob("*.parquet")) == before
    assert (tmp_path / "study").exists() == (disturb not in (move, shutil.rmtree))


def test_two_drivers_in_one_folder_store_no_key_twice(running, tmp_path):
    """The first one stops when the lock file that it holds is not the one in the folder; the second completes."""
    first, gate = running()
    remove_lock(tmp_path / "study")
    second, _ = running()
    gate.touch()
    assert first.wait()[0] == 3
    code, errors = second.wait()
    assert code == 0, errors
    keys = stored_keys(tmp_path / "study")
    assert len(keys) == len(set(keys))
    assert StudyFolder(tmp_path / "study").read_trials().num_rows == len(keys)


def test_the_working_directory_may_be_a_study(run_in_process, tmp_path):
    """With `-O .`; it cannot be renamed by `--fresh`, which the sentence says."""
    options = ["-p", "quadratic", "-o", "gd", *QUICK, "-O", "."]
    assert run_in_process(tmp_path, "run", *options).returncode == 0
    result = run_in_process(tmp_path, "run", *options, "--fresh")
    assert result.returncode == 3
    assert "it is the working directory; choose another folder with -O" in result.stderr


def test_two_fresh_starts_in_one_second_keep_both_studies(run_in_process, tmp_path):
    """The clock may also have been set back."""
    options = ["run", "-p", "quadratic", "-o", "gd", *QUICK, "-O", "study"]
    assert run_in_process(tmp_path, *options).returncode == 0
    for _ in range(3):
        assert run_in_process(tmp_path, *options, "--fresh").returncode == 0
    folders = list(tmp_path.iterdir())
    assert len(folders) == 4
    assert all(len(stored_keys(folder)) == 2 for folder in folders)
