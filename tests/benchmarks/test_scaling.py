"""The benchmark of scaling: the points of each part, and the measurement of memory."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def points():
    return importlib.import_module("scaling_points")


def test_a_point_is_the_median_with_its_range(points):
    """The range is that of the rounds."""
    point = points._point("trials", "quadratic", "hot loop", "eager", 10, [3.0, 1.0, 2.0], "s")
    assert (point.value, point.spread) == (2.0, (1.0, 3.0))


def test_cost_is_measured_for_steps_and_batches(points):
    """Every engine and size has both; a batch takes at least as long as its steps."""
    sizes = points.QUICK._replace(trials=(1, 5), usual_steps=10)
    costs = list(points.against_trials(sizes, ["quadratic"], ["eager"], 1))
    assert [point[:5] for point in costs] == [
        ("trials", "quadratic", measure, "eager", count)
        for count in (1, 5)
        for measure in ("hot loop", "batch")
    ]
    for steps, batch in zip(costs[::2], costs[1::2], strict=True):
        assert 0 < steps.value <= batch.value


def test_jobs_double_up_to_all_cores(points, monkeypatch):
    """Every second round is reversed; the command is replaced by a constant."""
    job_counts = []
    monkeypatch.setattr(points, "_study", lambda steps, jobs: job_counts.append(jobs) or float(jobs))
    times = list(points.against_jobs(points.QUICK, 2, 6))
    assert job_counts == [1, 2, 4, 6, 6, 4, 2, 1]
    assert [(point.size, point.value, point.unit) for point in times] == [
        (jobs, float(jobs), "wall seconds") for jobs in (1, 2, 4, 6)
    ]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc of Linux")
def test_the_peak_remains_after_memory_is_freed():
    """64 MiB that were filled and freed are in the peak."""
    # In a process of its own: this one may still hold the memory that earlier tests freed.
    script = """
import numpy as np
import scaling_memory
before = scaling_memory._bytes("VmRSS")
assert np.ones(1 << 23).sum() == 1 << 23
print(scaling_memory._bytes("VmHWM") - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(BENCHMARKS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) >= 0.9 * (1 << 26)


def test_the_peak_of_a_batch_excludes_imports(points):
    """It is larger than the final points of the trials, and smaller than the hundreds of MiB of the imports."""
    assert 1e5 < points._peak("quadratic", 2, 5, 5) < 2e8


def test_the_script_prints_points_and_draws_a_plot(tmp_path):
    """As a command with JSON output."""
    command = [sys.executable, BENCHMARKS / "scaling.py", "--quick", "--engines", "eager", "--rounds", "1"]
    command += ["--parts", "dimension", "steps", "--format", "json", "--plot", tmp_path / "plot.png"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=200
    )
    printed = json.loads(process.stdout)["points"]
    assert [(point["against"], point["size"]) for point in printed[::2]] == [
        ("dimension", 2),
        ("dimension", 10),
        ("steps", 10),
        ("steps", 20),
    ]
    assert (tmp_path / "plot.png").stat().st_size > 0
