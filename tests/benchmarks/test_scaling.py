"""The benchmark of scaling: what each part measures, and that memory is counted."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def points():
    return importlib.import_module("scaling_points")


def test_a_point_is_the_median_with_its_range(points):
    """Of the rounds' own values."""
    point = points._point("trials", "quadratic", "hot loop", "eager", 10, [3.0, 1.0, 2.0], "s")
    assert (point.value, point.spread) == (2.0, (1.0, 3.0))


def test_cost_is_a_share_of_the_steps_and_of_the_whole(points):
    """Every engine and size gives both; the whole is never less than its steps."""
    sizes = points.QUICK._replace(trials=(1, 5), usual_steps=10)
    found = list(points.against_trials(sizes, ["quadratic"], ["eager"], 1))
    assert [point[:5] for point in found] == [
        ("trials", "quadratic", measure, "eager", count)
        for count in (1, 5)
        for measure in ("hot loop", "batch")
    ]
    for steps, whole in zip(found[::2], found[1::2], strict=True):
        assert 0 < steps.value <= whole.value


def test_jobs_double_up_to_all_cores(points, monkeypatch):
    """Whole commands, in every second round backwards; the seconds here are those of nothing."""
    asked = []
    monkeypatch.setattr(points, "_study", lambda steps, jobs: asked.append(jobs) or float(jobs))
    found = list(points.against_jobs(points.QUICK, 2, 6))
    assert asked == [1, 2, 4, 6, 6, 4, 2, 1]
    assert [(point.size, point.value, point.unit) for point in found] == [
        (jobs, float(jobs), "wall seconds") for jobs in (1, 2, 4, 6)
    ]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux's account of memory")
def test_the_peak_is_kept_after_memory_is_given_back():
    """64 MiB that were filled and freed show in the peak."""
    memory = importlib.import_module("scaling_memory")
    before = memory._bytes("VmRSS")
    assert np.ones(1 << 23).sum() == 1 << 23
    assert memory._bytes("VmHWM") - before >= 0.9 * (1 << 26)


def test_a_process_of_its_own_says_what_a_batch_took(points):
    """More than its trials' ends alone, and not the imports' hundreds of MiB."""
    assert 1e5 < points._peak("quadratic", 2, 5, 5) < 2e8


def test_the_script_measures_prints_and_draws(tmp_path):
    """As a command, as JSON, with a plot beside it."""
    command = [sys.executable, BENCHMARKS / "scaling.py", "--quick", "--engines", "eager", "--rounds", "1"]
    command += ["--parts", "dimension", "steps", "--format", "json", "--plot", tmp_path / "plot.png"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=200)
    found = json.loads(done.stdout)["points"]
    assert [(point["against"], point["size"]) for point in found[::2]] == [
        ("dimension", 2),
        ("dimension", 10),
        ("steps", 10),
        ("steps", 20),
    ]
    assert (tmp_path / "plot.png").stat().st_size > 0
