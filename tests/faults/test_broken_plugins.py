"""A broken plugin, or one with a dangerous name, does not affect others."""

import sys

import pytest

pytestmark = pytest.mark.slow

HEAD = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def optimizer():
    return Optimizer(init=lambda theta: theta, update=lambda oracle, state, theta: (theta, state))
"""
REGISTRATION = """
@hookimpl
def register_optimizers(register):
    register(optimizer, name={!r})
"""
PLUGINS = {
    "raises-at-import": "raise RuntimeError('no \\x1b[31mlibrary')",
    "exits-at-import": "import sys; sys.exit(0)",
    "lacks-a-module": "import a_missing_module",
    "is-not-python": "def (",
    "has-an-unknown-hook": HEAD + "@hookimpl\ndef register_optimisers(register):\n    pass\n",
    "clashes-first": HEAD + REGISTRATION.format("twice"),
    "clashes-second": HEAD + REGISTRATION.format("twice"),
    "takes-a-name": HEAD + REGISTRATION.format("adam"),
    "has-a-bad-name": HEAD + REGISTRATION.format("../../<script>\x1b[31m"),
    "prints": "print('printed line')" + HEAD + REGISTRATION.format("quiet"),
}
STATUS = {
    "raises-at-import": "broken",
    "exits-at-import": "broken",
    "lacks-a-module": "broken",
    "is-not-python": "broken",
    "has-an-unknown-hook": "invalid",
    "clashes-first": "conflicting",
    "clashes-second": "conflicting",
    "takes-a-name": "conflicting",
    "has-a-bad-name": "invalid",
}


@pytest.fixture(scope="module")
def site_packages(run_once):
    """Return a folder with a distribution for each of the plugins."""

    def fill(folder):
        for name, source in PLUGINS.items():
            module = name.replace("-", "_")
            information = folder / f"{module}-1.0.dist-info"
            information.mkdir()
            (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            (information / "entry_points.txt").write_text(f"[benchbed]\n{name} = {module}\n")
            (folder / f"{module}.py").write_text(source)

    return run_once("broken-plugins", fill)


@pytest.fixture(scope="module")
def plugins(run_benchbed, site_packages, run_once):
    """Return stdout and stderr of `benchbed plugins`."""

    def fill(folder):
        result = run_benchbed(folder, "plugins", PYTHONPATH=site_packages)
        assert result.returncode == 0
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    folder = run_once("listed-plugins", fill)
    return (folder / "stdout").read_text(), (folder / "stderr").read_text()


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_a_plugin_is_listed_with_its_status(name, status, plugins):
    """`benchbed plugins` has a line for each."""
    assert [line for line in plugins[0].splitlines() if line.startswith(f"{status:<12} {name}  ({name} 1.0,")]


def test_the_list_has_neither_escape_codes_nor_prints(plugins):
    """Names and errors of plugins are escaped, and their prints do not go to stdout."""
    assert "\x1b" not in plugins[0] + plugins[1]
    assert "printed line" not in plugins[0]


@pytest.fixture(scope="module")
def rejected(run_in_process, site_packages, run_once):
    """Return exit code and stderr of a run with an unknown optimizer while plugins are broken."""

    def fill(folder):
        options = ["-p", "quadratic", "-o", "mine", "--preset", "quick", "-O", "study"]
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(site_packages)
            result = run_in_process(folder, "run", *options)
        for name in PLUGINS:
            sys.modules.pop(name.replace("-", "_"), None)
        (folder / "stderr").write_text(f"{result.returncode}\n{result.stderr}")
        assert not (folder / "study").exists()

    code, _, errors = (run_once("rejected", fill) / "stderr").read_text().partition("\n")
    return int(code), errors.splitlines()


def test_an_unknown_name_may_belong_to_a_broken_plugin(rejected):
    """The exit code is 2, and the message has the names of the broken plugins."""
    code, lines = rejected
    (error,) = [line for line in lines if line.startswith("error: ")]
    assert code == 2
    assert "unknown optimizer 'mine'" in error
    assert "raises-at-import" in error


@pytest.mark.parametrize("name", STATUS)
def test_a_broken_plugin_is_one_line_on_stderr(name, rejected):
    """The warning has no traceback."""
    _, lines = rejected
    warnings = [
        line for line in lines if line.startswith("warning: ") and f"'{name}'" in line.split(":", 2)[1]
    ]
    assert len(warnings) == 1, lines


def test_a_study_runs_beside_broken_plugins(run_benchbed, site_packages, tmp_path):
    """Other plugins work; only the built-in optimizer of the same name is lost."""
    options = ["-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--track", "default"]
    assert run_benchbed(tmp_path, "run", *options, "-O", "study", PYTHONPATH=site_packages).returncode == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("os._exit(0)", "loading it did not return: the process exited with code 0"),
        ("sys.exit(0)", "SystemExit: 0"),
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "loading it did not return: the process was killed by SIGSEGV",
        ),
        ("time.sleep(600)", "loading it took longer than the time limit of 2 s"),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "loading it took longer than the time limit of 2 s"),
        (
            "os.write(1, b'printed line'); os._exit(0)",
            "loading it did not return: the process exited with code 0",
        ),
    ],
)
@pytest.mark.parametrize("place", ["import", "hook", "factory"])
def test_a_plugin_that_ends_or_blocks_its_process_is_broken(run_benchbed, tmp_path, place, fault, reason):
    """The command that names its file exits with 2 and one sentence, within the time limit."""
    lines = {name: fault if name == place else "pass" for name in ("import", "hook", "factory")}
    (tmp_path / "faulty.py").write_text(
        f"""
import os, signal, sys, time
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

{lines["import"]}

def faulty():
    {lines["factory"]}
    return Optimizer(init=lambda theta: (), update=lambda oracle, state, theta: (theta, state))

@hookimpl
def register_optimizers(register):
    {lines["hook"]}
    register(faulty)
"""
    )
    limit = ["--timeout", "2"] if "time limit" in reason else []
    result = run_benchbed(tmp_path, "list", "optimizers", "--plugin", "faulty.py", *limit)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = [line for line in result.stderr.splitlines() if line != "printed line"]
    assert reason in line
    assert "correct the file, or leave out --plugin" in line


def test_a_plugin_whose_process_is_killed_once_is_loaded_again(run_benchbed, tmp_path):
    """As a batch is: the kernel may have killed it for lack of memory."""
    (tmp_path / "killed.py").write_text(
        f"""
import os, pathlib, signal
{HEAD}
died = pathlib.Path({str(tmp_path / "died")!r})
if not died.exists():
    died.touch()
    os.kill(os.getpid(), signal.SIGKILL)
{REGISTRATION.format("survivor")}
"""
    )
    result = run_benchbed(tmp_path, "list", "optimizers", "--plugin", "killed.py")
    assert result.returncode == 0, result.stderr
    assert "survivor" in result.stdout


def test_the_list_describes_plugins_without_running_them_in_its_process(run_benchbed, tmp_path):
    """A plugin that would end the command at its import runs in child processes only."""
    (tmp_path / "avoided.py").write_text(
        f"""
import multiprocessing, os
from dataclasses import dataclass
from benchbed.interfaces import Layout, Problem
{HEAD}
if multiprocessing.parent_process() is None:
    os.write(1, b"in the driver")
    os._exit(0)

@dataclass(frozen=True)
class Plain(Problem):
    width: int = 3
    layout = property(lambda self: Layout({{"point": (self.width,)}}))
    def make_start(self, generator): raise ValueError("not called")
    def objective(self, theta, data): raise ValueError("not called")

def rule(learning_rate: float = 0.25, name: str = "\x1b[31m"):
    return optimizer()

def costly(function, theta): raise ValueError("not called")

@hookimpl
def register_problems(register): register(Plain)

@hookimpl
def register_gradients(register): register(costly)
{REGISTRATION.format("own").replace("optimizer,", "rule,")}
"""
    )
    result = run_benchbed(tmp_path, "list", "--plugin", "avoided.py")
    assert result.returncode == 0, result.stderr
    assert "in the driver" not in result.stdout
    assert (
        "plain  (avoided.py)\n      width=3\n      group other; dimension 3, float64, budget 5000 calls"
        in result.stdout
    )
    assert "optimum unknown, so no score" in result.stdout
    assert 'own  (avoided.py)\n        learning_rate=0.25, name="\\U0000001b[31m"\n' in result.stdout
    assert "costly  (avoided.py)\n      price of a gradient in calls: 1\n" in result.stdout
