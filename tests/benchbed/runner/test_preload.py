"""The fork server outlives its driver only to remove the temporary folder of both."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ENDS_AT_ONCE = """
import os, signal
from benchbed.runner.fork_server import start_fork_server, temporary_folder
open(os.path.join(temporary_folder(), "file"), "w").close()
start_fork_server()
print(temporary_folder(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def short_folder():
    """Yield a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_killed_driver_leaves_no_temporary_folder(short_folder):
    """Its server, which still imports modules, keeps stdout open until it ends."""
    environment = os.environ | {"TMPDIR": str(short_folder)}
    command = [sys.executable, "-c", ENDS_AT_ONCE]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=60, check=False)
    assert result.returncode == -signal.SIGKILL
    assert Path(result.stdout.decode().strip()).parent == short_folder
    assert list(short_folder.iterdir()) == []
