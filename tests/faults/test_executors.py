"""Executors of other packages: equal results, lost workers, workers without a plugin, interrupted drivers."""

import os
import re
import shlex
import socket
import sys
from pathlib import Path

import pytest

from benchbed.store import StudyFolder

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).with_name("plugins") / "noisy_bowl.py"
STUDY = [
    *("--plugin", str(PLUGIN), "-p", "quadratic", "-p", "noisy-bowl", "-o", "gd", "-o", "adam"),
    *("--preset", "quick", "--steps", "30", "--seeds", "2", "-O", "study"),
]
CIRCUMSTANCES = ["threads", "jobs", "wall_seconds", "peak_bytes", "batch_trials", "attempt"]
"""Columns that depend on the machine and the course of events."""
PROGRAMS = Path(sys.executable).parent
PATH = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"

PAGE = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text(encoding="utf-8")
RECIPES = {
    re.search(r"--executor '?([^\s':\[]+)", line)[1] + ("-address" if "tcp:" in line else ""): block
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if "--executor" in line and "slurm_partition" not in line
}
"""Documented commands by their executors; the queue of Slurm does not exist here."""
PACKAGES = {"dask": "distributed", "dask-address": "distributed", "mpi4py.futures": "mpi4py"}
"""Packages whose names are not those of the executors."""


def rows_of(folder):
    """Return the stored rows of a study by their keys, each as text, without their circumstances; no key is double."""
    study = StudyFolder(folder)
    table = study.read_trials(study.read_plan()).drop_columns(CIRCUMSTANCES)
    rows = {row["trial_key"]: repr(row) for row in table.to_pylist()}
    assert len(rows) == table.num_rows
    return rows


@pytest.fixture(scope="module")
def serial(run_benchbed, run_once):
    """Return the rows of the study that ran in the driver itself."""

    def fill(folder):
        result = run_benchbed(folder, "run", *STUDY, "--executor", "serial")
        assert result.returncode == 0, result.stderr

    return rows_of(run_once("serial-study", fill) / "study")


def script_of(block, executor):
    """Return the recipe as a script: the small study with one job, a free port, and an end of background programs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = []
    for line in block.replace("8786", str(port)).splitlines():
        if "--executor" not in line and line.endswith("&"):
            lines.append(f"{line[:-1]} 2>> background.log &\ntrap 'kill $(jobs -p); wait' EXIT")
        elif re.search(rf"--executor '?{re.escape(executor.removesuffix('-address'))}", line):
            lines.append(f"{line} {shlex.join(STUDY)} -j 1")
    return "\n".join(lines)


@pytest.mark.parametrize("executor", RECIPES)
def test_every_documented_executor_has_the_same_results(executor, serial, run_benchbed, tmp_path):
    """Every column is equal to the bit, but for times and places."""
    pytest.importorskip(PACKAGES.get(executor, executor))
    if executor == "mpi4py.futures" and not (PROGRAMS / "mpiexec").exists():
        pytest.skip("needs the package mpich")
    (tmp_path / "cluster.py").write_text(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0])
    script = script_of(RECIPES[executor], executor)
    if executor == "submitit":
        script += " --track default"  # each of its groups starts a process, which takes seconds
    result = run_benchbed(tmp_path, shell=script, installed=True, PATH=PATH)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    rows = rows_of(tmp_path / "study")
    assert rows == (serial if executor != "submitit" else {key: serial[key] for key in rows})
    assert rows


def test_the_pools_of_the_standard_library_have_the_same_results(serial, run_benchbed, tmp_path):
    """Any function that returns an executor can be named."""
    executor = "concurrent.futures:ProcessPoolExecutor"
    result = run_benchbed(tmp_path, "run", *STUDY, "--executor", executor, "-j", "1")
    assert result.returncode == 0, result.stderr
    assert rows_of(tmp_path / "study") == serial


@pytest.mark.parametrize("executor", ["dask", "concurrent.futures:ProcessPoolExecutor"])
def test_the_trials_of_a_killed_worker_run_elsewhere(executor, serial, run_benchbed, tmp_path):
    """No trial is lost or stored twice; the pool of the standard library is started again."""
    if executor == "dask":
        pytest.importorskip("distributed")
    victim = tmp_path / "victim"
    victim.touch()
    options = ["--executor", executor, "-j", "1"]
    result = run_benchbed(tmp_path, "run", *STUDY, *options, BENCHBED_TEST_VICTIM=victim)
    assert result.returncode == 0, result.stderr
    assert not victim.exists()
    assert rows_of(tmp_path / "study") == serial


def test_a_lost_scheduler_leaves_a_study_that_continues(serial, run_benchbed, tmp_path):
    """The driver stops with one sentence."""
    pytest.importorskip("distributed")
    victim = tmp_path / "victim"
    script = script_of(RECIPES["dask-address"], "dask-address")
    scheduler, rest = script.split("\n", 1)
    result = run_benchbed(
        tmp_path, shell=f"{scheduler}\necho $! > victim\n{rest}", installed=True, PATH=PATH,
        BENCHBED_TEST_VICTIM=victim,
    )  # fmt: skip
    assert not victim.exists()
    assert result.returncode == 1
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: executor 'dask:tcp://")]
    assert errors[0].endswith("; finished trials are stored, and the same command continues the study")
    again = run_benchbed(tmp_path, "run", *STUDY)
    assert again.returncode == 0, again.stderr
    assert rows_of(tmp_path / "study") == serial


TINY = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def tiny(learning_rate: float = {rate}):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)

@hookimpl
def register_optimizers(register):
    register(tiny)
"""
ELSEWHERE = """
import os
from concurrent.futures import ProcessPoolExecutor

def elsewhere(jobs, path):
    return ProcessPoolExecutor(jobs, initializer=os.environ.update, initargs=({"PYTHONPATH": path},))
"""


@pytest.mark.parametrize(
    ("worker", "reason"),
    [
        (
            "none",
            r"optimizer 'tiny' differs: this worker on .* does not have it: .*install its package everywhere",
        ),
        (
            "other",
            r"optimizer 'tiny' differs: the plan was made with file digest .* install the same version of tiny",
        ),
    ],
)
def test_a_worker_with_other_plugins_fails_its_trials(worker, reason, run_benchbed, tmp_path):
    """The reason says which plugin to install; other trials of the same worker have results."""
    for folder, rate in (("driver", 0.1), ("other", 0.2)):
        information = tmp_path / folder / "tiny-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text("[benchbed]\ntiny = tiny\n")
        (tmp_path / folder / "tiny.py").write_text(TINY.format(rate=rate))
    (tmp_path / "driver" / "elsewhere.py").write_text(ELSEWHERE)
    result = run_benchbed(
        tmp_path, "run", "-p", "quadratic", "-o", "tiny", "-o", "gd", "--preset", "quick", "--steps", "10",
        *("--seeds", "1", "--track", "default", "-O", "study", "-j", "1"),
        *("--executor", f"elsewhere:elsewhere[path=\"{tmp_path / worker}\"]"),
        PYTHONPATH=tmp_path / "driver",
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "error: 1 trial has no result" in result.stderr
    study = StudyFolder(tmp_path / "study")
    trials = study.read_trials(study.read_plan()).to_pandas().set_index("optimizer")
    assert trials.loc["gd", "status"] == "exhausted"
    assert trials.loc["tiny", "status"] == "failed"
    assert re.search(reason, trials.loc["tiny", "error"])


@pytest.mark.parametrize(("signal_name", "code"), [("SIGINT", 130), ("SIGKILL", -9)])
def test_no_process_outlives_its_driver(
    signal_name, code, faulty_run, start_command, make_environment, wait_for, remaining_processes, tmp_path
):
    """The cluster ends with the driver that started it, and the groups that run end with it."""
    pytest.importorskip("distributed")
    arguments = [
        *faulty_run, "-p", "quadratic", "-o", "waits", "--track", "default", "-O", "study",
        *("--executor", "dask", "-j", "1"),
    ]  # fmt: skip
    command = start_command(tmp_path, make_environment(BENCHBED_TEST_GATE=tmp_path), arguments)
    try:
        wait_for(lambda: list(tmp_path.glob("waiting-*")))
        command.send(signal_name)
        ended, errors = command.wait()
    finally:
        command.kill()
    assert ended == code, errors
    assert "Traceback" not in errors
    assert remaining_processes(tmp_path) == []
