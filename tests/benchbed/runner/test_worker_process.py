"""Worker processes: the clock of the driver decides, even if a task changes its own process."""

import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchbed.interfaces import TrialStatus
from benchbed.runner.fork_server import kill_fork_server
from benchbed.runner.worker_process import WorkerProcess
from benchbed.runner.workers import kill_processes

pytestmark = pytest.mark.slow


@pytest.mark.timeout(60)  # the tasks would take ten minutes
@pytest.mark.parametrize("name", ["outwit_time_limit", "stop_itself", "stop_its_supervisor"])
def test_a_task_that_outwits_its_own_time_limit_is_ended(name, workers, tasks):
    """The driver waits a little for the stack that the process itself would leave."""
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2  # the process has started
    failure = workers.result(workers.submit(getattr(tasks, name), tasks.Number(), timeout=0.3))
    assert failure.kind is TrialStatus.TIMED_OUT
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("timeout", "kind"), [(None, TrialStatus.CRASHED), (0.3, TrialStatus.TIMED_OUT)])
def test_a_process_that_dies_while_it_sends_its_result_is_ended(timeout, kind, workers, tasks):
    """Its pool has received half of the result, and does not wait for the rest."""
    failure = workers.result(workers.submit(tasks.die_while_sending, tasks.Number(), timeout=timeout))
    assert failure.kind is kind
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2


def test_the_file_of_the_time_limit_proves_nothing(workers, tasks):
    """A task that writes it and dies has crashed."""
    failure = workers.result(workers.submit(tasks.imitate_timeout_file, tasks.Number(), timeout=60))
    assert failure.kind is TrialStatus.CRASHED


def test_a_copy_of_the_process_returns_nothing(workers, tasks):
    """The next task gets its own result."""
    assert workers.result(workers.submit(tasks.return_twice, tasks.Number())) == 7
    assert workers.result(workers.submit(tasks.double, tasks.Number(4))) == 8
    assert workers.result(workers.submit(tasks.double, tasks.Number(5))) == 10


def test_a_long_error_is_cut_in_the_child(workers, tasks):
    """Its first and last characters are kept."""
    failure = workers.result(workers.submit(tasks.raise_long_error, tasks.Number()))
    assert failure.log.startswith("Traceback")
    assert failure.log.rstrip().endswith("longlong")
    assert len(failure.log) < 21_000


def test_a_result_must_have_the_type_of_its_annotation(workers, tasks):
    """The driver unpacks plain data only, and checks it."""
    failure = workers.result(workers.submit(tasks.promise_text, tasks.Number()))
    assert failure.kind is TrialStatus.FAILED
    assert "Expected `str`, got `int`" in failure.log


def test_a_process_starts_with_the_built_in_plugins(workers, tasks):
    """The fork server has loaded them, so that a process loads the catalog in a few milliseconds."""
    kill_processes()  # an earlier test may have left an idle one, and a server, of another environment
    kill_fork_server()
    modules = workers.result(workers.submit(tasks.list_preloaded_modules, tasks.Number()))
    assert modules == ["benchbed_problems", "benchbed_optimizers", "seaborn"]
    assert workers.result(workers.submit(tasks.list_plugins_loaded_again, tasks.Number())) == []


def test_modules_that_draw_are_preloaded_for_reports_only(make_environment):
    """They take a second of the start of the fork server."""
    code = "import sys, benchbed.runner.preload; print('benchbed_problems' in sys.modules, 'seaborn' in sys.modules)"
    command, environment = [sys.executable, "-P", "-c", code], make_environment(plots=False)
    output = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert output.stdout == "True False\n"


def test_a_process_whose_folder_is_gone_ends_silently(tmp_path):
    """It started late: its driver was interrupted meanwhile and has removed the folder."""
    prepare = f"prepare_process({str(tmp_path / 'gone')!r}, {{}})"
    code = f"from benchbed.runner.worker_process import prepare_process; {prepare}"
    fork = "from multiprocessing import get_context\nprocess = get_context('fork')"
    wait = "process.start()\nprocess.join()\nprint(process.exitcode)"
    command = [sys.executable, "-c", f"{fork}.Process(target=exec, args=[{code!r}])\n{wait}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_a_process_that_cannot_start_leaves_no_folder(monkeypatch, tmp_path):
    """As when the interpreter of its driver ends after an interrupt: its pool accepts no task any more."""

    def submit(self, function):
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    with pytest.raises(RuntimeError, match="interpreter shutdown"):
        WorkerProcess(None)
    assert list(tmp_path.glob("benchbed-*")) == []
