"""CUDA that is missing, has no memory left or fails, and studies on several devices, on a machine without any."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.executors import processes
from benchbed.plan import Request, make_plan
from benchbed.runner.device_workers import DeviceWorkers, probe_device
from benchbed.runner.devices import BOUND
from benchbed.runner.task import Task, rows_of_task
from benchbed.store import StudyFolder
from benchbed.store.equality import first_difference
from benchbed.study.resources import Allocation, Resources
from benchbed.study.running import complete, study_folder
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).with_name("plugins") / "failing_device.py"
OPTIONS = ["--preset", "quick", "--steps", "20", "--seeds", "4", "--track", "default", "-j", "1"]


@pytest.fixture(scope="module")
def study(run_benchbed, run_once):
    """Run optimizers that fail a device beside one that does not, and return the study."""

    def fill(folder):
        result = run_benchbed(
            folder, "run", "--plugin", PLUGIN, "-p", "quadratic", "-o", "gd", "-o", "fills-the-device",
            *("-o", "asserts-for-thirteen[learning_rate=[0.01, 13]]", *OPTIONS, "-O", "study"),
        )  # fmt: skip
        assert result.returncode == 1, result.stderr
        assert "Traceback" not in result.stdout

    return benchbed.load(run_once("failing-devices", fill) / "study")


def trials_of(study, name):
    return study.trials[study.trials["optimizer"] == name]


def test_a_device_without_memory_is_out_of_memory(study):
    """The rows have the message of CUDA."""
    trials = trials_of(study, "fills-the-device")
    assert len(trials) == 4
    assert set(trials["status"]) == {"out_of_memory"}
    assert all("Tried to allocate 80.00 GiB" in error for error in trials["error"])


def test_a_failed_assertion_costs_the_trials_that_fail_it(study):
    """The child is replaced: in its own, every other trial would fail as well."""
    trials = trials_of(study, "asserts-for-thirteen")
    thirteen = trials["hyperparameters"].map(lambda text: json.loads(text)["learning_rate"] == 13)
    assert set(trials["status"][thirteen]) == {"crashed"}
    assert set(trials["status"][~thirteen]) <= {"solved", "exhausted"}
    assert len(trials) == 8
    for error in trials["error"][thirteen]:
        assert "the device failed in 2 attempts of the trial: " in error
        assert "CUDA error: device-side assert triggered; see study/logs/" in error


def test_other_optimizers_have_their_results(study):
    """They have processes of their own."""
    assert set(trials_of(study, "gd")["status"]) <= {"solved", "exhausted"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_missing_cuda_exits_with_2(tmp_path, run_in_process, command, device):
    """Before any trial, and nothing is written."""
    result = run_in_process(tmp_path, command, "-p", "quadratic", "-o", "gd", "--device", device)
    assert result.returncode == 2
    assert "torch finds no CUDA device; use --device cpu" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def plan():
    request = Request(
        problems=("quadratic", "quartic"), optimizers=("gd", "adam"), preset="quick", steps=30, device="cpu"
    )
    return make_plan(load_catalog(environ={}), request)


def run_on(plan, path, devices):
    """Run a plan in processes that are bound to devices, and return its rows."""
    workers = DeviceWorkers(processes(len(devices)), devices, probe_device)
    with workers, study_folder(path, fresh=False) as folder:
        study = complete(
            plan,
            load_catalog(environ={}),
            folder,
            (),
            workers,
            Resources(),
            Allocation(len(devices), 1, devices),
        )
    assert study.lost == 0
    return StudyFolder(path).read_trials(plan).sort_by("trial_key")


def test_results_do_not_depend_on_the_number_of_processes(plan, tmp_path):
    """All columns are equal to the bit; this plan computes on the CPU, in processes that are bound to devices."""
    one = run_on(plan, tmp_path / "one", ("cuda:0",))
    three = run_on(plan, tmp_path / "three", ("cuda:0", "cuda:1", "cuda:2"))
    assert set(three["device"].to_pylist()) == {"cpu"}
    assert first_difference(one, three) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_rows_name_the_device_of_their_process(plan, monkeypatch):
    """Without CUDA they are failed, with torch's reason."""
    monkeypatch.setenv(BOUND, "cuda:1")
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    bare_plan = msgspec.structs.replace(plan, problems=(), entrants=(), suite={}, device="cuda")
    rows = rows_of_task(Task(bare_plan, batch, (), jobs=2)).to_pylist()
    assert {row["device"] for row in rows} == {"cuda:1"}
    assert {row["status"] for row in rows} == {"failed"}
    assert all("CUDA" in row["error"] for row in rows)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_a_study_on_cuda_uses_all_devices(plan, tmp_path):
    """Its results are those of one of them."""
    on_cuda = msgspec.structs.replace(plan, device="cuda")
    devices = tuple(f"cuda:{number}" for number in range(torch.cuda.device_count()))
    rows = run_on(on_cuda, tmp_path / "all", devices)
    last = run_on(msgspec.structs.replace(plan, device=devices[-1]), tmp_path / "last", devices[-1:])
    assert set(rows["device"].to_pylist()) == set(devices)
    assert first_difference(rows, last) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_failed_assertion_on_cuda_is_recognized():
    """A kernel that reads beyond a table fails its assertion; it runs in a process of its own."""
    code = (
        "import torch; from benchbed.engine.fatal_errors import fatal_status\n"
        "try:\n    torch.zeros(3, device='cuda')[torch.tensor([7], device='cuda')].cpu()\n"
        "except Exception as error:\n    print(fatal_status(error))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.stdout.strip() == "crashed", process.stderr
