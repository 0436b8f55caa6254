"""Interruptions while the first worker starts, and while a plugin hangs in C."""

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


def test_a_signal_does_not_wait_for_slow_imports(
    tmp_path, faulty_run, start_command, make_environment, wait_for, remaining_processes
):
    """As from a slow disk: the fork server would import modules for longer than the test may take."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif any('forkserver' in word for word in sys.orig_argv):\n    time.sleep(1000)\n"
    )
    options = ["-p", "quadratic", "-o", "gd", "--track", "default", "-O", "study"]
    environment = make_environment(PYTHONPATH=tmp_path)
    command = start_command(tmp_path, environment, ["run", *faulty_run[3:], *options])
    try:
        wait_for(lambda: any((tmp_path / "study").glob("environments/*.json")))
        command.send("SIGTERM")
        code, errors = command.wait()
    finally:
        command.kill()
    assert code == 143
    assert "Traceback" not in errors
    assert remaining_processes(tmp_path) == []
