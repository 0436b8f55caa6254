"""Tests of `benchbed report`."""

import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FIRST_BYTES = {"csv": b"", "md": b"", "tex": b"", "svg": b"<?xml", "png": b"\x89PNG"}


@pytest.fixture
def opened(monkeypatch):
    """List the addresses that are opened in a browser, which starts."""
    addresses = []
    monkeypatch.setattr("webbrowser.open", lambda address: addresses.append(address) or True)
    return addresses


def test_deleted_tables_and_plots_are_written_again(copy, run_in_process, files, opened):
    """They need the trials and the plan only; `--open` opens the page among them."""
    before = set(files(copy / "study"))
    for name in ("tables", "plots"):
        shutil.rmtree(copy / "study" / name)
    (copy / "study" / "summary.csv").unlink()
    (copy / "study" / "index.html").unlink()
    result = run_in_process(copy, "report", "study", "--open", plots=True)
    assert result.returncode == 0, result.stderr
    assert opened == [(copy / "study" / "index.html").as_uri()]
    assert set(files(copy / "study")) == before
    for path in (copy / "study" / "plots").iterdir():
        assert path.read_bytes().startswith(FIRST_BYTES[path.suffix[1:]])


def test_a_page_that_cannot_be_opened_is_a_warning(copy, run_in_process, opened, monkeypatch):
    """Without a browser it names the page, without a page the command that writes it; the exit code stays."""
    (copy / "study" / "index.html").unlink()
    result = run_in_process(copy, "report", "study", "--open")
    assert (result.returncode, opened) == (0, [])
    assert result.stderr == "warning: study has no page; write it with `benchbed report study --only page`\n"
    (copy / "study" / "index.html").touch()
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    result = run_in_process(copy, "report", "study", "--open")
    assert result.returncode == 0
    assert result.stderr == f"warning: no browser could be started; open {Path('study/index.html')} in one\n"


def test_a_single_report_is_written(copy, run_benchbed, files):
    """The optional report profile; the summary is printed too."""
    before = files(copy / "study")
    assert not any("profile" in name for name in before)
    result = run_benchbed(copy, "report", "study", "--only", "profile", plots=True)
    assert result.returncode == 0, result.stderr
    after = files(copy / "study")
    assert set(after) - set(before) == {"plots/profile.png", "plots/profile.svg"}
    assert {name for name in before if after[name] != before[name]} == {"summary.csv", "reports.json"}
    assert "results, tables and plots: study/" in result.stdout


def test_a_report_that_does_not_apply_is_a_warning(copy, run_in_process):
    """This study has no track `searched`."""
    result = run_in_process(copy, "report", "study", "--only", "best-of-k", plots=True)
    assert result.returncode == 0
    assert result.stderr == (
        "warning: could not draw best-of-k: this study contains no problem that it applies to\n"
    )


def test_an_unknown_report_is_rejected_before_files_are_written(copy, run_in_process, files):
    """The error suggests a similar name."""
    before = files(copy / "study")
    result = run_in_process(copy, "report", "study", "--only", "profil", plots=True)
    assert result.returncode == 2
    assert "unknown report 'profil'; did you mean 'profile'?" in result.stderr
    assert files(copy / "study") == before


def test_the_table_is_that_of_the_run(copy, run_in_process, full_study):
    """Both commands print the same."""
    result = run_in_process(copy, "report", "study")
    assert result.stdout == (full_study / "stdout").read_text()


def test_a_missing_folder_exits_with_3(tmp_path, run_in_process):
    """The folder is not created."""
    result = run_in_process(tmp_path, "report", "nowhere")
    assert result.returncode == 3
    assert result.stderr == "error: nowhere does not exist; pass the folder that `benchbed run` printed\n"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_not_a_study(tmp_path, run_in_process):
    """It is rejected in a sentence."""
    (tmp_path / "study").mkdir()
    result = run_in_process(tmp_path, "report", "study")
    assert result.returncode == 3
    assert "study is not a study folder" in result.stderr


def test_a_deleted_plugin_is_not_needed(run_in_process, tmp_path, monkeypatch):
    """The tables and plots of its study are written from the stored trials."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    arguments = [
        "-p",
        "mine",
        "-o",
        "own",
        "--preset",
        "quick",
        "--steps",
        "30",
        "--seeds",
        "2",
        "-O",
        "study",
    ]
    first = run_in_process(tmp_path, "run", "--plugin", "mine.py", *arguments)
    assert first.returncode == 0, first.stderr
    (tmp_path / "mine.py").unlink()
    for name in [name for name in sys.modules if name.startswith("_benchbed_plugin_file_")]:
        monkeypatch.delitem(sys.modules, name)
    result = run_in_process(tmp_path, "report", "study", plots=True)
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout == first.stdout


PLUGIN = '''
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import *


@dataclass(frozen=True)
class Mine(Problem):
    """A bowl."""

    layout = Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.ones(2)

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.zeros(())


def own(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_problems(register):
    register(Mine)


@hookimpl
def register_optimizers(register):
    register(own)
'''


def test_a_part_that_cannot_be_read_is_a_warning(copy, run_in_process):
    """Its trials are missing from the report, so the reason must be said."""
    part = min((copy / "study" / "trials").iterdir())
    part.write_text("PAR1")
    result = run_in_process(copy, "report", "study")
    assert result.returncode == 1
    assert f"warning: study/trials/{part.name} cannot be read" in result.stderr
    assert result.stderr.count("cannot be read") == 1
