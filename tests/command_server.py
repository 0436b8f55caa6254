"""Server that forks one command after another from a process that has imported everything.

A new interpreter takes 2.5 s of CPU time for the imports of a command, and 3.5 s more for those of its fork server. The
commands are processes with streams, signals and children of their own, but do not import anything again.
"""

import atexit
import contextlib
import gc
import json
import multiprocessing.forkserver
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
from importlib import import_module
from multiprocessing import resource_tracker, util

MODULES = (
    *("benchbed.cli", "benchbed.study", "benchbed.study.reporting", "benchbed.runner.task"),
    *("benchbed.estimate.timing", "benchbed.verify.rerun", "benchbed.catalog.loading"),
    *("benchbed_course", "benchbed_optimizers", "benchbed_problems"),
    *("benchbed.metrics", "benchbed.gradients", "benchbed.executors", "benchbed.reports"),
    *("matplotlib.figure", "seaborn"),
)
PYTHON = "python"
"""Command whose arguments are Python files, which run one after the other, each in its own namespace."""
REQUEST_BYTES = 1 << 20
STREAMS = 3
"""Number of the descriptors of a request; one more reports the process of a command that runs in the background."""


def serve(connection):
    """Run a command for each request, and return in the process of the command."""
    while True:
        content, descriptors, *_ = socket.recv_fds(connection, REQUEST_BYTES, STREAMS + 1)
        if not content:
            os._exit(0)  # the tests have ended
        is_background = len(descriptors) > STREAMS
        if is_background and os.fork() != 0:
            close_all(descriptors)
            continue  # the child reports to the last descriptor instead
        process_id = os.fork()
        if process_id == 0:
            connection.close()
            become_command(json.loads(content), descriptors)
            return
        report = os.fdopen(descriptors.pop(), "wb", buffering=0).write if is_background else connection.send
        close_all(descriptors)
        report(b"%d\n" % process_id)
        _, status = os.waitpid(process_id, 0)
        report(b"%d\n" % os.waitstatus_to_exitcode(status))
        if is_background:
            os._exit(0)


def close_all(descriptors):
    """Close descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)


def become_command(request, descriptors):
    """Set streams, folder, environment and arguments as a new interpreter would find them.

    A command in the background has a session of its own, as a terminal starts it.
    """
    for number, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, number)
    close_all(descriptors)
    if len(descriptors) > STREAMS:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = request["arguments"]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    tempfile.tempdir = None  # TMPDIR may be another one
    os.fsync = lambda descriptor: None  # milliseconds a file; tests survive no power failure
    import_module("numpy").random.seed()
    util.spawnv_passfds = spawn


start_interpreter = util.spawnv_passfds


def spawn(path, arguments, descriptors):
    """Fork the fork server of the command, and start an interpreter for everything else."""
    if "multiprocessing.forkserver" not in arguments[-1]:
        return start_interpreter(path, arguments, descriptors)
    process_id = os.fork()
    if process_id == 0:
        try:
            become_fork_server(arguments, descriptors)
        finally:
            atexit._run_exitfuncs()
            os._exit(0)
    return process_id


def become_fork_server(arguments, descriptors):
    """Leave behind what a new interpreter would not have from its parent, and serve."""
    atexit._clear()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    previous = STREAMS - 1
    for descriptor in (*sorted(descriptors), os.sysconf("SC_OPEN_MAX")):
        os.closerange(previous + 1, descriptor)
        previous = descriptor
    multiprocessing.forkserver._forkserver.__init__()
    resource_tracker._resource_tracker._fd = resource_tracker._resource_tracker._pid = None
    import_module("benchbed.runner.fork_server")._starting = threading.Lock()
    sys.argv = ["-c"]
    with contextlib.suppress(SystemExit):
        exec(arguments[-1], {"__name__": "__main__"})


if __name__ == "__main__":
    for module in MODULES:
        import_module(module)
    import_module("benchbed.catalog.loading").load_catalog(needed=())  # parses the sources of the plugins
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    if sys.argv[0] == PYTHON:
        for path in sys.argv[1:]:
            runpy.run_path(path, run_name="__main__")
    else:
        import_module("benchbed.__main__").program()
