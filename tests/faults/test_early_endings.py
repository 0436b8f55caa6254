"""Interruptions while the first worker starts, and while a plugin hangs in C."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

OPTIONS = ["-p", "quadratic", "-o", "hangs-in-c", "--track", "default", "-O", "study"]


@pytest.fixture
def hanging_command(tmp_path, start_command, make_environment, faulty_run):
    """Return a command whose only optimizer hangs in C."""
    environment = make_environment(BENCHBED_TEST_GATE=tmp_path)
    command = start_command(tmp_path, environment, [*faulty_run, *OPTIONS])
    yield command
    command.kill()


def test_two_interrupts_while_workers_start(hanging_command, tmp_path, wait_for, remaining_processes):
    """Ctrl-C is pressed twice when the folder appears, while the fork server still imports modules."""
    command = hanging_command
    wait_for((tmp_path / "study" / "environments").exists)
    command.send("SIGINT")
    command.send("SIGINT")
    code, errors = command.wait()
    assert code == 130
    assert "Traceback" not in errors
    assert remaining_processes(tmp_path) == []


def test_a_worker_that_hangs_in_c_dies_with_its_driver(
    hanging_command, tmp_path, wait_for, remaining_processes
):
    """None of its threads can run, so the kernel ends it."""
    command = hanging_command
    wait_for((tmp_path / "stuck").exists)
    command.send("SIGKILL")
    command.wait()
    assert remaining_processes(tmp_path) == []


@pytest.fixture
def slow_environment(tmp_path, make_environment):
    """Return an environment in which, as on a slow disk, the fork server imports modules for longer than a test."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif any('forkserver' in word for word in sys.orig_argv):\n    time.sleep(1000)\n"
    )
    return make_environment(PYTHONPATH=tmp_path)


def test_a_server_that_imports_ends_with_a_driver_that_starts_no_process(slow_environment):
    """Its pipe to stderr is closed."""
    code = "from benchbed.runner.fork_server import start_fork_server; start_fork_server()"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, env=slow_environment, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_signal_does_not_wait_for_slow_imports(
    tmp_path, faulty_run, start_command, slow_environment, wait_for, remaining_processes
):
    """The folder appears before a worker starts, or after."""
    options = ["-p", "quadratic", "-o", "gd", "--track", "default", "-O", "study"]
    command = start_command(tmp_path, slow_environment, ["run", *faulty_run[3:], *options])
    try:
        wait_for(lambda: any((tmp_path / "study").glob("environments/*.json")))
        command.send("SIGTERM")
        code, errors = command.wait()
    finally:
        command.kill()
    assert code == 143
    assert "Traceback" not in errors
    assert remaining_processes(tmp_path) == []
