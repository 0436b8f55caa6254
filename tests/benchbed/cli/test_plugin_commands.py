"""Tests of commands that plugins register; a faulty plugin affects no other command."""

import sys

import click.testing
import pytest

from benchbed import __version__
from benchbed.cli import commands, plugin_commands

PLUGIN = """
import click
from benchbed.hookspecs import hookimpl

@click.command("{command}", short_help="Greet somebody.")
@click.argument("name")
def greet(name):
    click.echo(f"hello {{name}}")
    return 7

@hookimpl
def register_commands(register):
    register(greet)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with one module for the group `benchbed.commands`."""
    modules_before, site = set(sys.modules), tmp_path / "site"  # the working directory itself is not searched
    site.mkdir()

    def write(source, distribution="greeting"):
        information = site / f"{distribution}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(
            f"[benchbed.commands]\n{distribution}-plugin = {distribution}_commands\n"
        )
        (site / f"{distribution}_commands.py").write_text(source)

    monkeypatch.syspath_prepend(site)
    yield write
    for name in set(sys.modules) - modules_before:
        if name.endswith("_commands") and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def invoke(*arguments):
    return click.testing.CliRunner().invoke(commands, arguments, standalone_mode=False)


def test_a_command_of_a_plugin_is_listed_and_runs(install):
    """It stands in alphabetical order among the built-in ones, and its return value is the exit code."""
    install(PLUGIN.format(command="greet"))
    listed = [line.split()[0] for line in invoke("--help").stdout.split("Commands:\n")[1].splitlines()]
    assert "greet" in listed
    assert listed == sorted(listed)
    assert "Greet somebody." in invoke("--help").stdout
    result = invoke("greet", "world")
    assert (result.stdout, result.return_value) == ("hello world\n", 7)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("os._exit(0)", "the process exited with code 0"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the process was killed by SIGSEGV"),
        ("time.sleep(600)", "loading it took longer than 0.5 s"),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); time.sleep(600)", "took longer than 0.5 s"),
    ],
)
@pytest.mark.parametrize("is_at_import", [True, False])
def test_a_plugin_that_ends_or_blocks_its_process_costs_only_its_commands(
    install, monkeypatch, fault, reason, is_at_import
):
    """It is loaded in a child first, so `--help` lists the commands of the others."""
    imports = "import os, signal, time\n"
    hook = PLUGIN.format(command="greet").replace("    register(greet)", f"    {fault}")
    install(imports + (f"{fault}\n" if is_at_import else hook), "faulty")
    install(PLUGIN.format(command="greet"))
    if "longer" in reason:
        monkeypatch.setattr(plugin_commands, "LOADING_SECONDS", 0.5)
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Run each optimizer on each problem" in result.stdout
    (line,) = [line for line in result.stderr.splitlines() if "faulty" in line]
    assert "is broken" in line
    assert reason in line


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise OSError('no such luck')", "is broken: OSError: no such luck"),
        ("raise SystemExit(3)", "is broken: SystemExit: 3"),
        ("print('noise')\nx = 1", "is invalid: it implements no register_commands"),
        (
            PLUGIN.format(command="run"),
            "is invalid: command 'run' is built into benchbed; give it another name",
        ),
        (PLUGIN.format(command="Greet"), "is invalid: name 'Greet' is not allowed"),
        (
            PLUGIN.format(command="greet").replace("register(greet)", "register(print)"),
            "is invalid: register_commands takes click commands, not builtin_function_or_method",
        ),
    ],
    ids=["error", "exit", "no hook", "built-in name", "invalid name", "not a command"],
)
def test_a_faulty_plugin_is_one_line_on_stderr(install, source, expected):
    """Help still lists the other commands; a plugin cannot replace a built-in command."""
    install(source)
    result = invoke("--help")
    assert result.exit_code == 0
    assert "Run each optimizer on each problem" in result.stdout
    assert "Greet somebody." not in result.stdout
    assert "noise" not in result.stdout
    (line,) = [line for line in result.stderr.splitlines() if line != "noise"]
    assert line.startswith(f"warning: plugin 'greeting-plugin' (greeting 1.0) {expected}")


def test_a_name_that_two_plugins_register_belongs_to_neither(install):
    """The order of installation must not decide which command runs."""
    install(PLUGIN.format(command="greet"))
    install(PLUGIN.format(command="greet"), distribution="welcome")
    result = invoke("--help")
    assert "Greet somebody." not in result.stdout
    labels = ["plugin 'greeting-plugin' (greeting 1.0)", "plugin 'welcome-plugin' (welcome 1.0)"]
    assert result.stderr.splitlines() == [
        f"warning: {label} is conflicting: command 'greet' is also registered by {other}, so neither is available"
        for label, other in zip(labels, reversed(labels), strict=True)
    ]


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--help"], ["list", "problems"]])
def test_built_in_commands_import_no_commands_of_plugins(install, arguments):
    """Only the help and unknown names load the commands of plugins."""
    install("raise OSError('imported')")
    result = invoke(*arguments)
    assert result.exit_code == 0
    assert "imported" not in result.stderr
    if arguments == ["--version"]:
        assert result.stdout == f"benchbed {__version__}\n"


def test_a_disabled_plugin_registers_no_command(install, monkeypatch):
    """BENCHBED_DISABLE_PLUGINS applies to commands too."""
    install("raise OSError('imported')")
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "greeting-plugin")
    assert invoke("--help").stderr == ""


def test_the_list_of_plugins_has_those_of_commands(install):
    """Each with its status: the commands of one that is loaded, the error of one that is broken."""
    install(PLUGIN.format(command="greet"))
    install("raise OSError('no such luck')", distribution="welcome")
    lines = invoke("plugins").stdout.splitlines()
    index = lines.index("loaded       greeting-plugin  (greeting 1.0, module greeting_commands)")
    assert lines[index + 1].split() == ["commands:", "greet"]
    index = lines.index("broken       welcome-plugin  (welcome 1.0, module welcome_commands)")
    assert lines[index + 1].strip() == "OSError: no such luck (welcome_commands.py:1)"


def test_a_disabled_plugin_of_commands_is_listed_as_blocked(install, monkeypatch):
    """It is a plugin, so that the list does not warn of an unknown name."""
    install(PLUGIN.format(command="greet"))
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "greeting-plugin")
    result = invoke("plugins")
    assert "blocked      greeting-plugin  (greeting 1.0, module greeting_commands)" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "hint"),
    [("rum", "; did you mean 'run'?"), ("gret", "; did you mean 'greet'?"), ("zzz", "")],
    ids=["built-in", "of a plugin", "nothing similar"],
)
def test_an_unknown_command_suggests_a_similar_one(install, name, hint):
    """Commands of plugins are suggested as built-in ones are."""
    install(PLUGIN.format(command="greet"))
    with pytest.raises(click.UsageError) as caught:
        commands.main([name], standalone_mode=False)
    assert caught.value.message == f"unknown command {name!r}{hint} (see `benchbed --help`)"
