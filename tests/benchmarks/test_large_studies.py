"""The benchmark of large studies: measured processes, exponents, and a run of tiny size."""

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc of Linux"),
]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def studies():
    return importlib.import_module("large_studies")


def test_memory_and_time_are_those_of_all_processes(studies, monkeypatch, tmp_path):
    """A command that fills 100 MB, and starts a process that fills 200 MB and computes for half a second."""
    child = "import time; b = b'1' * 200_000_000\nwhile time.process_time() < 0.5: pass"
    script = (
        f"import subprocess, sys; a = b'1' * 100_000_000; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    monkeypatch.setattr(studies, "COMMAND", sys.executable)
    cost = studies.measure(7, "name", ["-c", script])
    assert cost.trials == 7
    assert cost.command == "name"
    assert 1.0e8 < cost.driver_bytes < 2.0e8
    assert 3.0e8 < cost.total_bytes < 4.5e8
    assert cost.cpu_seconds > 0.3


def test_a_command_that_fails_ends_the_measurement(studies, monkeypatch):
    """With its output."""
    monkeypatch.setattr(studies, "COMMAND", sys.executable)
    with pytest.raises(SystemExit, match=r"(?s)name ended with 1:.*ValueError: no"):
        studies.measure(7, "name", ["-c", "raise ValueError('no')"])


def test_exponents_are_slopes_of_logarithms(studies):
    """Time that grows with the square of the trials has 2, memory that stays has 0; the smallest size has none."""
    small = studies.Cost(10, "run", 1.0, 3.0, 100, 200)
    large = studies.Cost(1000, "run", 1.0, 3e4, 100, 200)
    other = studies.Cost(1000, "report", 1.0, 1.0, 100, 200)
    assert studies.growth([small, large, other]) == {large: (pytest.approx(2.0), pytest.approx(0.0))}


def test_the_rest_is_a_multiple_of_the_steps(studies):
    """Without `verify`, which runs steps again: (6 + 4 − 2) / 2."""
    costs = [
        studies.Cost(10, name, 1.0, cpu, 1, 1)
        for name, cpu in (("run", 6.0), ("report", 4.0), ("verify", 9.0))
    ]
    assert studies.overhead(costs, 2.0) == 4.0


def test_a_folder_of_an_earlier_run_is_rejected_before_any_measurement(
    studies, monkeypatch, capsys, tmp_path
):
    """Also if it is that of the largest size, before which smaller ones would run."""
    monkeypatch.setattr(studies, "measure", lambda *_, **__: pytest.fail("a command was measured"))
    (tmp_path / "12").mkdir()
    with pytest.raises(SystemExit) as error:
        studies.main(["--seeds", "2", "4", "--settings", "3", "--folder", str(tmp_path)])
    assert error.value.code == 2
    assert (
        f"{tmp_path / '12'} exists already; remove it, or choose another --folder" in capsys.readouterr().err
    )
    assert [path.name for path in tmp_path.iterdir()] == ["12"]


def test_the_script_measures_each_command(tmp_path):
    """As a command, on two tiny studies."""
    command = [sys.executable, BENCHMARKS / "large_studies.py", "--seeds", "2", "4", "--settings", "3"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command += ["--steps", "20", "--format", "json", "--folder", tmp_path / "studies"]
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=300
    )
    printed = json.loads(process.stdout)
    assert [(cost["trials"], cost["command"]) for cost in printed["costs"]] == [
        (trials, name) for trials in (6, 12) for name in ("run", "resume", "report", "compare", "verify")
    ]
    assert all(math.isfinite(seconds) and seconds > 0 for seconds in printed["step_seconds"].values())
    assert (tmp_path / "studies" / "12" / "study" / "index.html").exists()
