"""Shells complete the names of registered objects, words of options and folders of studies."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from benchbed.cli import commands, completion, options

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def names_cache(tmp_path_factory):
    """The folder of the cache that most tests share."""
    return tmp_path_factory.mktemp("names")


@pytest.fixture
def complete(names_cache, monkeypatch):
    """Return a function that returns the completions of the last word."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(names_cache))

    def run(*words):
        *arguments, incomplete = words
        items = ShellComplete(commands, {}, "benchbed", "_BENCHBED_COMPLETE").get_completions(
            arguments, incomplete
        )
        return [item.value if item.type == "plain" else item.type for item in items]

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "-p", "qua"], ["quadratic", "quartic"]),
        (["plan", "-o", "adamw"], ["adamw"]),
        (["run", "sched"], ["file", "schedules"]),
        (["run", "--executor", "s"], ["serial", "submitit"]),
        (["run", "--gradient", "for"], ["forward", "forward-random"]),
        (["run", "--preset", ""], ["quick", "standard", "full"]),
        (["run", "--device", "c"], ["cpu", "cuda"]),
        (["run", "--preset", "quick", "--track", "t"], ["tuned"]),
        (["report", "--only", "pa"], ["page", "paths"]),
        (["check", "rot"], ["file", "rotated"]),
        (["list", "optimizers", "muo"], ["muon"]),
        (["list", "wra"], ["wrappers"]),
        (["list", "muo"], ["muon"]),
        (["ver"], ["verify"]),
        (["run", "-o", "clip(adamw"], ["clip(adamw"]),
        (["run", "-o", "cosine(clip(muo"], ["cosine(clip(muon"]),
        (["run", "-o", "cosine(cli"], ["cosine(clip(", "cosine(clip-value("]),
        (["run", "-o", "clip(rotat"], []),
        (["run", "-p", "noisy(rotated(polynomial-n"], ["noisy(rotated(polynomial-network"]),
        (["run", "-p", "rotated(noi"], ["rotated(noisy-quadratic", "rotated(noisy("]),
        (["run", "-o", "clip(adam, no"], ["clip(adam, norm="]),
        (
            ["run", "-o", "clip(adam[learning_rate=0.1,beta1=0.5], no"],
            ["clip(adam[learning_rate=0.1,beta1=0.5], norm="],
        ),
        (["run", "-o", "clip(adam[eps"], ["clip(adam[epsilon="]),
        (
            ["run", "-o", "adam[learning_rate=0.1,beta"],
            ["adam[learning_rate=0.1,beta1=", "adam[learning_rate=0.1,beta2="],
        ),
        (["run", "-o", "adam[learning_rate=0"], []),
        (["run", "-o", "nothing(a"], []),
        (["check", "clip(adamw"], ["file", "clip(adamw"]),
    ],
    ids=" ".join,
)
def test_words_are_completed(words, expected, complete):
    """Each option and argument has the names of its kinds; files are completed where no name fits."""
    assert complete(*words) == expected


@pytest.mark.parametrize("command", ["report", "verify", "compare", "merge"])
def test_folders_of_studies_are_completed(command, complete, tmp_path):
    """Those in the working directory and in results/; others only where none of them fits."""
    for folder in ("mine", "results/standard", "results/other", "empty"):
        (tmp_path / folder).mkdir(parents=True)
        if folder != "empty":
            (tmp_path / folder / "suite.toml").touch()
    assert complete(command, "") == ["dir", "mine", "results/other", "results/standard"]
    assert complete(command, "results/s") == ["dir", "results/standard"]


def test_names_are_read_once(complete, tmp_path, monkeypatch):
    """From then on a cache has them, until a plugin changes or the cache is damaged."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    loads = []
    load = options.open_plugins
    monkeypatch.setattr(
        options, "open_plugins", lambda *arguments, **names: loads.append(1) or load(*arguments, **names)
    )
    for _ in range(2):
        assert complete("run", "-o", "muo") == ["muon"]
    assert len(loads) == 1
    (file,) = (tmp_path / "cache" / "benchbed" / "names").iterdir()
    file.write_text("{")
    assert complete("run", "-o", "muo") == ["muon"]
    assert len(loads) == 2
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "optimizers")
    assert complete("run", "-o", "muo") == []
    assert len(loads) == 3


def test_a_change_of_any_file_of_a_plugin_renews_the_names(tmp_path, monkeypatch):
    """Also of a module inside its package, as authors edit it in an editable installation."""
    for name, text in {
        "my_rules/__init__.py": "",
        "my_rules/rule.py": "",
        "my_rules-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: my-rules\nVersion: 1\n",
        "my_rules-1.dist-info/entry_points.txt": "[benchbed]\nmine = my_rules\n",
    }.items():
        (tmp_path / "site" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "site" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    loads = []
    monkeypatch.setattr(completion, "_loaded_names", lambda files: loads.append(1) or {})
    completion.registered_names()
    completion.registered_names()
    assert len(loads) == 1
    os.utime(tmp_path / "site" / "my_rules" / "rule.py", (0, 0))
    completion.registered_names()
    assert len(loads) == 2


def test_cached_names_import_nothing_heavy(complete):
    """A completion must not wait for torch."""
    complete("run", "-o", "a")
    code = "import sys; from benchbed.cli.completion import registered_names; registered_names(); print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"torch", "numpy", "pandas", "matplotlib"} & set(process.stdout.split())
    assert "benchbed.cli.completion" in process.stdout


def test_names_of_a_plugin_file_are_completed(run_benchbed, tmp_path):
    """If it is named before; it is imported once, in a child. A file that does not exist has none."""
    (tmp_path / "mine.py").write_text(
        f"open({str(tmp_path / 'imports')!r}, 'a').write('x')\n"
        "from benchbed.hookspecs import hookimpl\n\n\n@hookimpl\ndef register_metrics(register):\n"
        "    register(lambda problem, theta, data: None, name='mine')\n\n\n@hookimpl\n"
        "def register_executors(register):\n    register(lambda jobs: None, name='my-pool')\n"
    )
    for file, expected in (("mine.py", "plain,my-pool\n"), ("other.py", "\n")):
        words = f"benchbed run --plugin {file} --executor my"
        result = run_benchbed(
            tmp_path, COMP_WORDS=words, COMP_CWORD="5", _BENCHBED_COMPLETE="bash_complete",
            XDG_CACHE_HOME=tmp_path / "cache",
        )  # fmt: skip
        assert (result.returncode, result.stdout, result.stderr) == (0, expected, "")
    assert (tmp_path / "imports").read_text() == "x"


def test_a_cache_that_cannot_be_written_is_not_needed(complete, tmp_path, monkeypatch):
    """The names are read again each time."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(path, content):
        raise completion.StudyFolderError("no space")

    monkeypatch.setattr("benchbed.store.files.write_atomically", fail)
    assert complete("run", "-o", "muo") == ["muon"]


def test_fish_completes_words_with_commas(complete, tmp_path):
    """Neither the word nor its description ends at a comma."""
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    complete("run", "-o", "a")  # stores the names
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    script = (
        "_BENCHBED_COMPLETE=fish_source benchbed | source; "
        "complete -C 'benchbed run -o adam[beta1=0.5,bet'; complete -C 'benchbed run -o adopt'"
    )
    result = subprocess.run(
        [fish, "--no-config", "-c", script], env=os.environ | {"PATH": path, "HOME": str(tmp_path)}, text=True,
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    *words, adopt = result.stdout.splitlines()
    assert words == ["adam[beta1=0.5,beta1=", "adam[beta1=0.5,beta2="]
    assert adopt.endswith("(1 − β₂) g².")


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(_BENCHBED_COMPLETE=bash_source benchbed)"\n'),
    "zsh": (
        ["-f", "-i"],
        'autoload -Uz compinit; compinit -u; eval "$(_BENCHBED_COMPLETE=zsh_source benchbed)"\n',
    ),
    "fish": (["--no-config", "-i"], "_BENCHBED_COMPLETE=fish_source benchbed | source\n"),
}
STAND_IN = """#!{shell}
if [ -n "$_BENCHBED_COMPLETE" ]; then exec {command} "$@"; fi
printf '%s\\n' "$@" > {arguments}
echo stored
"""


def read_until(terminal, text, seconds=60):
    """Read the output of a terminal until it contains `text`, and fail if it does not within `seconds`."""
    screen, deadline = "", time.monotonic() + seconds
    while text not in screen:
        is_readable, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
        assert is_readable, f"no {text!r} on the screen: {screen!r}"
        screen += os.read(terminal, 100_000).decode(errors="replace")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "expected", "end"),
    [
        ("benchbed run -o 'clip(adamw\t", "clip(adamw", "' "),
        ("benchbed run -p 'rotated(weighted\t", "rotated(weighted-quartic", "' "),
        ("benchbed run -o muo\t", "muon", " "),
    ],
)
def test_a_shell_completes_inside_quotes(shell, typed, expected, end, complete, tmp_path):
    """A word with brackets needs quotes; the shell passes on the completed word, as a program in its place sees it."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    complete("run", "-o", "a")  # stores the names
    command = Path(sys.executable).with_name("benchbed")
    stand_in, arguments = tmp_path / "bin" / "benchbed", tmp_path / "arguments"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN.format(shell=shutil.which("bash"), command=command, arguments=arguments))
    stand_in.chmod(0o755)
    options, setup = SHELLS[shell]
    environment = {
        "HOME": str(tmp_path), "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"], "TERM": "dumb", "PS1": "> ",
        "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
    }  # fmt: skip
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 200))
    with subprocess.Popen(
        ["setsid", "--ctty", program, *options], stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        cwd=tmp_path,
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            # Quotes inside the word: the terminal repeats the command, which must not look like its output.
            os.write(ours, setup.encode() + b'echo rea""dy\n')
            read_until(ours, "ready")
            os.write(ours, typed.encode())
            read_until(ours, expected + end)
            os.write(ours, b"\n")
            read_until(ours, "stored")
        finally:
            process.kill()
            os.close(ours)
    assert arguments.read_text().splitlines()[-1] == expected
