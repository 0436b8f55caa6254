"""Executors of other packages: equal results, lost workers, workers without a plugin, interrupted drivers."""

import os
import sys
from pathlib import Path

import pytest

from benchbed.store import StudyFolder

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).with_name("plugins") / "cluster.py"
STUDY = [
    "run", "-p", "quadratic", "-p", "cluster-bowl", "-o", "gd", "-o", "adam", "--preset", "quick",
    *("--steps", "30", "--seeds", "2", "-O", "study"),
]  # fmt: skip
CIRCUMSTANCES = ["threads", "jobs", "wall_seconds", "peak_bytes", "batch_trials", "attempt"]
"""Columns that depend on the machine and the order of events."""

ENGINES = {
    "processes": ("processes", None),
    "standard library": ("concurrent.futures:ProcessPoolExecutor", None),
    "dask": ("dask", "distributed"),
    "loky": ("loky:get_reusable_executor", "loky"),
    "executorlib": ("executorlib:SingleNodeExecutor", "executorlib"),
    "parsl": ("parsl", "parsl"),
    "mpi4py": ("mpi4py.futures:MPIPoolExecutor", "mpi4py"),
    "submitit": ("submitit[cluster=local, timeout_min=5]", "submitit"),
}
"""Executors, and the package that each needs."""


def rows_of(folder):
    """Return the stored rows of a study by their keys, each as text, without their circumstances; no key is double."""
    study = StudyFolder(folder)
    table = study.read_trials(study.read_plan()).drop_columns(CIRCUMSTANCES)
    rows = {row["trial_key"]: repr(row) for row in table.to_pylist()}
    assert len(rows) == table.num_rows
    return rows


@pytest.fixture(scope="module")
def serial(run_benchbed, run_once):
    """Run the study in the driver itself."""

    def fill(folder):
        result = run_benchbed(folder, *STUDY, "--plugin", PLUGIN, "--executor", "serial")
        assert result.returncode == 0, result.stderr

    return rows_of(run_once("serial-study", fill) / "study")


@pytest.mark.parametrize("engine", ENGINES)
def test_every_executor_has_the_same_results(engine, serial, run_benchbed, tmp_path):
    """Every column is equal to the bit, but for times and places."""
    executor, package = ENGINES[engine]
    if package is not None:
        pytest.importorskip(package)
    programs = Path(sys.executable).parent  # Parsl looks for its own on the path
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    shell = None
    if engine == "mpi4py":
        if not (programs / "mpiexec").exists():
            pytest.skip("needs the package mpich")
        shell = f'mpiexec -n 2 {sys.executable} -m mpi4py.futures "$@"'
    arguments = [*STUDY, "--plugin", PLUGIN, "--executor", executor, "-j", "1"]
    result = run_benchbed(tmp_path, *arguments, installed=True, shell=shell, PATH=path)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert rows_of(tmp_path / "study") == serial
