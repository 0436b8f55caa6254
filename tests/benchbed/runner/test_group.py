"""Groups: a host, which is a subprocess, runs the tasks of a group in children."""

import os
import pickle
import platform
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import pytest

from benchbed.interfaces import TrialStatus
from benchbed.runner import group as groups
from benchbed.runner.group import Driver, Group, GroupAbandonedError, PackedTask, run_group
from benchbed.runner.host import describe_difference, versions, with_local_files

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def tasks_of_hosts(tasks, monkeypatch):
    """Let hosts import the tasks; end the hosts after the test."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture(scope="module", autouse=True)
def no_host_left():
    yield
    while groups._idle:
        groups._idle.pop().close()


def group_of(tasks, driver, **changes):
    """Return a group of (function, task) pairs."""
    packed = tuple(
        PackedTask(f"{work.__module__}:{work.__qualname__}", msgspec.json.encode(task), None, None)
        for work, task in tasks
    )
    return Group(packed, {}, versions(), None, driver)._replace(**changes)


@pytest.fixture
def driver(tmp_path):
    folder = tmp_path / "driver"
    folder.mkdir()
    return Driver(platform.node(), os.getpid(), str(folder))


def results_of(group):
    return [pickle.loads(result) for result, _ in run_group(group)]


def test_a_group_returns_the_result_of_each_task(tasks, driver):
    """A task that raises leaves the others alone."""
    group = group_of(
        [
            (tasks.double, tasks.Number(1)),
            (tasks.raise_error, tasks.Number()),
            (tasks.double, tasks.Number(2)),
        ],
        driver,
    )
    first, failure, last = results_of(group)
    assert (first, last) == (2, 4)
    assert failure.message == "ValueError: not today"


def test_a_worker_with_other_versions_fails_the_tasks(tasks, driver):
    """The reason names the machine, the package and both versions."""
    group = group_of([(tasks.double, tasks.Number(1))], driver, versions={"benchbed": "9.9"})
    (failure,) = results_of(group)
    assert failure.kind is TrialStatus.FAILED
    assert failure.log.startswith(f"the worker on {platform.node()} differs: it has benchbed ")
    assert "where the driver has 9.9" in failure.log


def test_equal_versions_do_not_differ():
    """The build of torch, after the plus sign, may: CPU and CUDA."""
    assert describe_difference(versions()) is None
    assert "+" not in versions()["torch"]


def test_a_killed_host_is_replaced(tasks, driver, tmp_path):
    """The tasks of the group run again."""
    group = group_of([(tasks.kill_host_once, tasks.File(str(tmp_path / "killed")))], driver)
    assert results_of(group) == ["ran again"]


def test_hosts_that_ended_while_they_were_idle_lose_no_group(tasks, driver):
    """A process that ran several groups at a time, and then none for a minute, has many of them."""
    dead = [groups.Host(None) for _ in range(groups.MOST_HOSTS + 1)]
    for host in dead:
        host._process.kill()
        host._process.wait()
    groups._idle.extend(dead)
    assert results_of(group_of([(tasks.double, tasks.Number(1))], driver)) == [2]
    assert not set(dead) & set(groups._idle)


@pytest.mark.parametrize("ending", ["interrupted", "dead"])
def test_a_group_ends_with_its_driver(ending, tasks, driver, tmp_path):
    """The driver is on this machine: it removes its folder, or its process does not exist any more."""
    started = tmp_path / "started"
    with subprocess.Popen(["sleep", "60"]) as process:
        driver = driver._replace(process_id=process.pid)

        def end():
            while not started.exists():  # a driver that ends before counts as one of another machine
                time.sleep(0.01)
            if ending == "dead":
                process.kill()
                process.wait()
            else:
                Path(driver.folder).rmdir()

        thread = threading.Thread(target=end, daemon=True)
        thread.start()
        with pytest.raises(GroupAbandonedError):
            run_group(group_of([(tasks.log_and_sleep, tasks.File(str(started)))], driver))
        thread.join()
        process.kill()


def test_plugin_files_travel_by_content(tmp_path):
    """A file that is here with the same content is used where it is."""
    same, edited, missing = (tmp_path / f"{name}.py" for name in ("same", "edited", "missing"))
    same.write_text("a = 1\n")
    edited.write_text("a = 2\n")
    files = {str(path): b"a = 1\n" for path in (same, edited, missing)}
    task = msgspec.json.encode({"plugin_files": [*files, "/unread.py"], "rate": 0.1})
    local = msgspec.json.decode(with_local_files(task, files, tmp_path / "copies"))
    assert local["rate"] == 0.1
    first, *copies, unread = map(Path, local["plugin_files"])
    assert first == same
    assert [copy.name for copy in copies] == ["edited.py", "missing.py"]
    assert [copy.read_bytes() for copy in copies] == [b"a = 1\n"] * 2
    assert unread == Path("/unread.py")
