"""Compiled steps come from this user's compiler, or the steps run eagerly with one line that says why."""

import os
import re

import pytest

import benchbed

pytestmark = pytest.mark.slow

STUDY = ["run", "-p", "quadratic", "-o", "gd", "-o", "momentum", "--preset", "quick", "--steps", "40"]
STUDY += ["--track", "default", "--engine", "compiled", "-j", "1"]
FALLBACK = "ran eagerly because its step could not be compiled: CompilationError: "


@pytest.fixture(scope="session")
def compiled(run_benchbed, run_once):
    """Run a study with an empty cache; return its folder, with the cache beside it."""

    def fill(folder):
        process = run_benchbed(folder, *STUDY, "-O", "out", XDG_CACHE_HOME=folder / "cache")
        assert process.returncode == 0, process.stderr

    return run_once("compiled-steps", fill)


@pytest.fixture
def run_study(run_benchbed, tmp_path):
    """Return a function that runs the study and returns its trials and the warnings on stderr."""

    def run(name="out", **environment):
        variables = {"XDG_CACHE_HOME": tmp_path / "cache", "TMPDIR": tmp_path, **environment}
        process = run_benchbed(tmp_path, *STUDY, "-O", name, **variables)
        assert process.returncode == 0, process.stderr
        return benchbed.load(tmp_path / name).trials, re.findall("^warning: .*$", process.stderr, re.M)

    return run


def assert_equal_to(compiled, trials):
    """Check the numbers against those of the undisturbed study."""
    expected = benchbed.load(compiled / "out").trials.set_index("trial_key")
    assert set(expected["engine"]) == {"compiled"}
    trials = trials.set_index("trial_key").loc[expected.index]
    for name in ("final_objective", "calls", "steps"):
        assert (trials[name] == expected[name]).all()


@pytest.mark.parametrize("fault", ["truncated", "swapped", "garbage", "writable by others"])
def test_a_library_that_is_not_what_was_stored_is_compiled_again(compiled, run_study, tmp_path, fault):
    """The cache has two libraries, of the two optimizers."""
    programs = tmp_path / "cache" / "benchbed" / "programs"
    programs.mkdir(parents=True, mode=0o700)
    first, second = sorted((compiled / "cache" / "benchbed" / "programs").iterdir())
    contents = {first.name: first.read_bytes(), second.name: second.read_bytes()}
    if fault == "swapped":
        contents = dict(zip(contents, reversed(contents.values()), strict=True))
    for name, content in contents.items():
        changed = {"truncated": content[:3000], "garbage": b"garbage"}.get(fault, content)
        (programs / name).write_bytes(changed)
        (programs / name).chmod(0o777 if fault == "writable by others" else 0o700)
    before = {path.name: path.stat().st_ino for path in programs.iterdir()}
    trials, errors = run_study()
    assert errors == []
    assert set(trials["engine"]) == {"compiled"}
    assert_equal_to(compiled, trials)
    assert all(path.stat().st_ino != before[path.name] for path in programs.iterdir())


@pytest.mark.parametrize("fault", ["a file", "a dangling link", "writable by others", "of another user"])
def test_a_folder_that_cannot_be_trusted_is_not_used(compiled, run_study, tmp_path, fault):
    """A private one for temporary files is used instead."""
    programs = tmp_path / "cache" / "benchbed" / "programs"
    programs.parent.mkdir(parents=True)
    if fault == "a file":
        programs.write_text("")
    elif fault == "a dangling link":
        programs.symlink_to(tmp_path / "nowhere" / "at all")
    else:
        programs.mkdir()
        programs.chmod(0o777 if fault == "writable by others" else 0o755)
        if fault == "of another user":
            if os.getuid():
                pytest.skip("only root can give a folder away")
            os.chown(programs, 12345, 12345)
    trials, errors = run_study()
    assert errors == []
    assert set(trials["engine"]) == {"compiled"}
    assert_equal_to(compiled, trials)
    assert not programs.is_dir() or not list(programs.iterdir())


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sleep 1000", "took longer than 10 s"),
        ("echo broken >&2; exit 1", "broken"),
        (
            'while [ $# -gt 0 ]; do [ "$1" = -o ] && echo garbage > "$2"; shift; done; true',
            "wrote no library",
        ),
    ],
    ids=["hangs", "fails", "writes garbage"],
)
def test_steps_run_eagerly_without_a_compiler_that_works(compiled, run_study, tmp_path, script, reason):
    """With one line, and the same numbers up to rounding."""
    (tmp_path / "fake-compiler").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "fake-compiler").chmod(0o755)
    trials, errors = run_study(CXX=tmp_path / "fake-compiler")
    (line,) = errors
    assert FALLBACK in line
    assert reason in line
    assert set(trials["engine"]) == {"eager"}
    expected = benchbed.load(compiled / "out").trials.set_index("trial_key")["final_objective"]
    assert trials.set_index("trial_key")["final_objective"].to_dict() == pytest.approx(expected.to_dict())
