"""Tasks of the tests of workers, in a module of their own: a worker process imports a task by its module's name."""

import faulthandler
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import torch

from benchbed.catalog import loading


class Number(msgspec.Struct):
    """A task."""

    value: int = 0


def double(task):
    return 2 * msgspec.json.decode(task, type=Number).value


def raise_error(task):
    raise ValueError("not today")


def imitate_timeout(task):
    os.write(sys.stderr.fileno(), b"Timeout (0:00:01)!\n")
    os._exit(1)


def sleep(task):
    time.sleep(60)


class File(msgspec.Struct):
    """A task with the path of a file."""

    path: str


def process_number(task) -> int:
    return os.getpid()


def kill_host_once(task) -> str:
    """Kill the process that started this one, unless the file of the task exists."""
    flag = Path(msgspec.json.decode(task, type=File).path)
    if not flag.exists():
        flag.touch()
        os.kill(multiprocessing.parent_process().pid, signal.SIGKILL)
        time.sleep(60)
    return "ran again"


def list_preloaded_modules(task) -> list[str]:
    return [name for name in ("benchbed_problems", "benchbed_optimizers", "seaborn") if name in sys.modules]


def list_plugins_loaded_again(task) -> list[str]:
    """Load the catalog, and return the names of the built-in plugins that this process had not loaded before."""
    names = []
    load_plugin = loading.load_plugin
    loading.load_plugin = lambda plugin: names.append(plugin.name) or load_plugin(plugin)
    loading.load_catalog(needed=())
    loading.load_plugin = load_plugin
    return names


def promise_text(task) -> str:
    return 42


def raise_long_error(task):
    raise ValueError("long" * 10_000_000)


def leave_daemon(task) -> int:
    """Leave a process in a session of its own whose parents have ended, as daemons do; return its number."""
    command = "setsid sleep 600 > /dev/null 2>&1 & echo $!"
    process = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    return int(process.stdout)


def outwit_time_limit(task):
    """Cancel the timer, block all signals, and go on."""
    faulthandler.cancel_dump_traceback_later()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGIO):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


def stop_itself(task):
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_its_supervisor(task):
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)


def kill_its_group(task):
    os.killpg(0, signal.SIGKILL)


def die_while_sending(task):
    """Die when the result is sent, after half of the number that says how long it is."""

    def send_half(connection, content):
        os.write(connection.fileno(), content[:2])
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send = send_half


def imitate_timeout_file(task):
    """Write the file that the time limit writes."""
    for descriptor in Path("/proc/self/fd").iterdir():
        if descriptor.resolve().name == "crash-stack":  # in the folder of this process
            (descriptor.resolve().parent / "timeout-stack").write_text("Timeout (0:00:01)!\n")
    os._exit(1)


def return_twice(task) -> int:
    """Return in this process and in a copy of it."""
    os.fork()
    return 7


def fork_in_every_step(task) -> int:
    """Fork seven times in each copy and return the number of copies: 127 if nothing ends them."""
    for _ in range(7):
        os.fork()
    time.sleep(1)
    session = os.getsid(0)
    processes = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return sum(process != os.getpid() and session_of(process) == session for process in processes)


def session_of(process):
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return None


def print_and_die(task):
    os.write(1, b"start\n" + b"flood\n" * 1_000_000)
    os._exit(0)


def kill_server_once(task) -> str:
    """Kill the server of the worker processes unless the file exists."""
    path = Path(msgspec.json.decode(task, type=File).path)
    if path.exists():
        return "ran again"
    path.touch()
    server = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGKILL)
    time.sleep(600)
    return ""


def device_environment(task) -> list[str]:
    """Return the device that CUDA would see, its name in the driver, and the number of the process."""
    return [os.environ["CUDA_VISIBLE_DEVICES"], os.environ["BENCHBED_CUDA_DEVICE"], str(os.getpid())]


def use_device(task) -> str:
    """Return the device of this process, unless it is one of those that the file of the task lists as broken."""
    device = os.environ["BENCHBED_CUDA_DEVICE"]
    if device in Path(msgspec.json.decode(task, type=File).path).read_text():
        raise torch.AcceleratorError(f"CUDA error: unspecified launch failure\non {device}")
    return device


def die_on_device(task):
    os._exit(3)


def probe_all(task) -> bool:
    return True


def probe_second(task) -> bool:
    if os.environ["BENCHBED_CUDA_DEVICE"] == "cuda:1":
        raise torch.AcceleratorError("CUDA error: device lost\nThe GPU has fallen off the bus.")
    return True


def probe_full(task) -> bool:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 512 bytes.")


def probe_none(task) -> bool:
    raise torch.AcceleratorError("CUDA error: device lost\nFor debugging consider CUDA_LAUNCH_BLOCKING=1")


def torch_threads_and_cores(task) -> tuple[int, list[int]]:
    """Return the threads of torch and the cores of this process."""
    return torch.get_num_threads(), sorted(os.sched_getaffinity(0))


class Files(msgspec.Struct):
    """A task with the paths of the file that it writes, and of the one that ends it."""

    start: str
    end: str


def run_until_file(task) -> None:
    files = msgspec.json.decode(task, type=Files)
    Path(files.start).touch()
    while not Path(files.end).exists():
        time.sleep(0.01)


def log_and_sleep(task):
    Path(msgspec.json.decode(task, type=File).path).touch()
    time.sleep(60)
