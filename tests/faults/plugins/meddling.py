"""Optimizers that change their process for good, each in another way, and then descend as plain gradient descent."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow
import torch

import benchbed.runner.task
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


def descent(meddle):
    """Descend, and call `meddle` in every step."""

    def update(oracle, state, theta):
        meddle()
        return theta - 0.01 * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def patches_torch():
    def patch():
        torch.Tensor.sqrt = torch.Tensor.square
        torch.sqrt = torch.square
        torch.Tensor.sum = lambda tensor, *_, **__: tensor

    return descent(patch)


def patches_numpy():
    def patch():
        np.diff = lambda values, **_: values
        np.isnan = np.isinf = np.isfinite

    return descent(patch)


def patches_json():
    def patch():
        json.dumps = lambda *_, **__: "[]"
        json.loads = lambda *_, **__: []

    return descent(patch)


def returns_other_rows():
    """Replace the function whose rows a worker returns."""

    def patch():
        rows_of = benchbed.runner.task.rows_of
        benchbed.runner.task.rows_of = lambda *arguments: benchbed.store.table_of(
            [row | {"trial_key": "0" * 16, "status": "solved"} for row in rows_of(*arguments).to_pylist()]
        )

    return descent(patch)


def returns_rows_twice():
    def patch():
        benchbed.runner.task.to_bytes = lambda table: benchbed.store.to_bytes(
            pyarrow.concat_tables([table, table])
        )

    return descent(patch)


def returns_no_rows():
    def patch():
        benchbed.runner.task.rows_of = lambda *_: benchbed.store.table_of([])

    return descent(patch)


def returns_no_table():
    def patch():
        benchbed.runner.task.to_bytes = lambda _: b"these are no rows"

    return descent(patch)


def leaves_timer():
    return descent(lambda: signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0))


def leaves_handler():
    def interrupt(number, frame):
        raise RuntimeError("this handler was left behind")

    def install():
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)

    return descent(install)


def leaves_thread():
    def patch_for_ever():
        while True:
            torch.set_default_dtype(torch.float64)
            time.sleep(0.001)

    return descent(lambda: threading.Thread(target=patch_for_ever, daemon=True).start())


def leaves_daemons():
    """Leave processes: a child, and one whose session is its own and whose parent has ended."""

    def start():
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        subprocess.Popen(command)
        subprocess.Popen(["/bin/sh", "-c", "sleep 600 & sleep 600 &"], start_new_session=True)

    return descent(start)


def changes_environment():
    def change():
        os.environ["BENCHBED_DISABLE_PLUGINS"] = "problems,optimizers"
        os.environ["OMP_NUM_THREADS"] = "7"
        os.environ["TMPDIR"] = "/does/not/exist"

    return descent(change)


def sets_limits():
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))

    return descent(limit)


def changes_modes():
    def change():
        torch.autograd.set_detect_anomaly(mode=True)
        torch.set_default_dtype(torch.float64)
        torch.set_printoptions(precision=1)
        torch.use_deterministic_algorithms(mode=True)
        sys.setrecursionlimit(150)
        os.umask(0o777)
        os.nice(1)

    return descent(change)


def closes_files():
    return descent(lambda: os.closerange(3, 1000))


def kills_its_group():
    return descent(lambda: os.killpg(0, signal.SIGKILL))


def kills_its_parent():
    """Kill the parent, and wait until its end ends this process, which may take longer than all further steps."""

    def kill():
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    return descent(kill)


def kills_the_server_once():
    """Kill the parent of its parent, unless the folder BENCHBED_TEST_GATE has a file `server-died`."""

    def kill():
        died = Path(os.environ["BENCHBED_TEST_GATE"]) / "server-died"
        if not died.exists():
            died.touch()
            status = Path(f"/proc/{os.getppid()}/stat").read_text()
            os.kill(int(status.rpartition(")")[2].split()[1]), signal.SIGKILL)
            time.sleep(60)

    return descent(kill)


def exits_in_update():
    return descent(lambda: os._exit(0))


@hookimpl
def register_optimizers(register):
    for optimizer in (
        patches_torch, patches_numpy, patches_json, returns_other_rows, returns_rows_twice, returns_no_rows,
        returns_no_table, leaves_timer, leaves_handler, leaves_thread, leaves_daemons, changes_environment,
        sets_limits, changes_modes, closes_files, kills_its_group, kills_its_parent, kills_the_server_once,
        exits_in_update,
    ):  # fmt: skip
        register(optimizer)
