"""Tests of loading: a plugin that fails affects no other, and its record has the error."""

import re
import signal
import sys
from pathlib import Path

import pytest

from benchbed import cli
from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError

REGISTERS_RULE = """
@hookimpl
def register_optimizers(register):
    register(rule, name="{name}")
"""

FAILING = {
    "raises": ("raise ImportError('no such part')", "ImportError: no such part"),
    "missing import": ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
    "exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "raises in its hook": (
        "@hookimpl\ndef register_problems(register):\n    1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "cannot format its error": (
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd",
        "mine_module.Odd: <exception str() failed>",
    ),
}


@pytest.mark.parametrize(("source", "expected"), FAILING.values(), ids=FAILING)
def test_a_plugin_that_fails_is_broken_and_the_others_load(source, expected, plugin, install, record):
    """Its record has one line and the traceback."""
    install("good-package", {"good_module": REGISTERS_RULE.format(name="good-rule")}, {"good": "good_module"})
    catalog = plugin(source)
    assert record(catalog).status == "broken"
    assert expected in record(catalog).error
    assert "\n" not in record(catalog).error
    assert "(mine_module.py:" in record(catalog).error
    assert "good-rule" in catalog.names("optimizers")


def test_the_traceback_of_a_broken_plugin_ends_at_its_own_line(plugin, record):
    """It has no frames of the loader, of importlib and of importlib_metadata, whose entry points replace others."""
    pytest.importorskip("importlib_metadata")
    traceback = record(plugin("raise ImportError('no such part')")).traceback
    assert traceback.count("  File ") == 1
    assert "raise ImportError('no such part')" in traceback


def test_an_interrupt_passes_through(plugin):
    """Ctrl-C while plugins load stops benchbed."""
    with pytest.raises(KeyboardInterrupt):
        plugin("raise KeyboardInterrupt")


def test_a_sigterm_passes_through(plugin):
    """It ends benchbed with its own exit code; the plugin that was being loaded is not broken."""
    source = "import os, signal\n@hookimpl\ndef register_optimizers(register): os.kill(os.getpid(), signal.SIGTERM)"
    before = signal.signal(signal.SIGTERM, cli._on_signal)
    try:
        with pytest.raises(cli._TerminatedError):
            plugin(source)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_entry_point_of_the_wrong_form_is_broken(install, record):
    """The error shows the valid forms."""
    install("odd-package", {}, {"mine": "not a module!"})
    assert "is not of the form module or module:attribute" in record(load_catalog(environ={})).error


def test_an_unknown_hook_is_rejected_with_a_suggestion(plugin, record):
    """A misspelt hook would otherwise be ignored."""
    plugin_record = record(plugin("@hookimpl\ndef register_optimisers(register): pass"))
    assert plugin_record.status == "invalid"
    assert plugin_record.error == "unknown hook 'register_optimisers'; did you mean 'register_optimizers'?"


def test_a_hook_with_a_wrong_argument_is_rejected(plugin, record):
    """The hook's signature is checked against its specification."""
    plugin_record = record(plugin("@hookimpl\ndef register_optimizers(registrar): pass"))
    assert plugin_record.status == "invalid"
    assert "registrar" in plugin_record.error


def test_a_plugin_without_hooks_is_invalid(plugin, record):
    """The error names the decorator, which is easily forgotten."""
    plugin_record = record(plugin("def register_optimizers(register): pass"))
    assert plugin_record.status == "invalid"
    assert "hookimpl" in plugin_record.error


def test_an_invalid_plugin_registers_nothing(plugin, record):
    """Entries from before the mistake are dropped too."""
    catalog = plugin(REGISTERS_RULE.format(name="first") + "    register(rule, name='../../x')")
    assert record(catalog).status == "invalid"
    assert record(catalog).registered == {}
    assert "first" not in catalog.names("optimizers")


def test_a_validation_error_ends_at_the_plugins_own_line(plugin, record):
    """The last frame of the traceback is the call of register, and the error has its line."""
    invalid = record(plugin(REGISTERS_RULE.format(name="Bad")))
    assert 'register(rule, name="Bad")' in invalid.traceback
    assert invalid.traceback.count("  File ") == 1
    assert re.search(r"\(mine_module\.py:\d+\)$", invalid.error)


def test_register_is_closed_after_the_hook(install, record, plugin):
    """A later call could come from another plugin."""
    late = "saved = []\n@hookimpl\ndef register_optimizers(register):\n    saved.append(register)\n"
    install("early-package", {"early_module": late}, {"early": "early_module"})
    catalog = plugin(
        "import early_module\n@hookimpl\ndef register_metrics(register):\n    early_module.saved[0](rule)"
    )
    assert record(catalog).status == "invalid"
    assert "after the hook had returned" in record(catalog).error


def test_a_plugin_that_prints_leaves_stdout_alone(plugin, capsys):
    """stdout is for the output of commands."""
    plugin("print('hello')")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "hello" in printed.err


def test_a_name_that_two_plugins_register_is_not_available(plugin, install, record):
    """Each record names the other plugin."""
    both = REGISTERS_RULE.format(name="twin") + "    register(rule, name='{own}')"
    install("first-package", {"first_module": both.format(own="first-own")}, {"first": "first_module"})
    catalog = plugin(both.format(own="second-own"))
    names = catalog.names("optimizers")
    assert "twin" not in names
    assert {"first-own", "second-own"} <= set(names)
    assert [record(catalog, name).status for name in ("first", "mine")] == ["conflicting", "conflicting"]
    assert "plugin 'first' (first-package 1.0)" in record(catalog).error
    assert record(catalog).registered == {"optimizers": ("second-own",)}
    with pytest.raises(UsageError) as raised:
        catalog.entry("optimizers", "twin")
    assert "plugin 'first' (first-package 1.0) and plugin 'mine' (mine-package 1.0)" in str(raised.value)
    assert "BENCHBED_DISABLE_PLUGINS" in str(raised.value)


def test_a_third_party_plugin_cannot_replace_a_built_in_name(built_in, plugin):
    """If a plugin registers `adam`, then `adam` is an error."""
    catalog = plugin(REGISTERS_RULE.format(name="adam"))
    with pytest.raises(UsageError, match="neither is available"):
        catalog.entry("optimizers", "adam")
    assert "sgd" in catalog.names("optimizers")


def test_the_file_that_the_user_names_has_the_last_word(built_in, plugin, record, tmp_path):
    """It replaces names of installed plugins, with a line for each; two files with one name clash."""
    files = [tmp_path / "named.py", tmp_path / "other.py"]
    for file in files:
        imports = "from benchbed.hookspecs import hookimpl\nfrom benchbed_optimizers.sgd import sgd as rule\n"
        file.write_text(imports + REGISTERS_RULE.format(name="adam"))
    catalog = plugin(REGISTERS_RULE.format(name="own"), files=files[:1])
    entry = catalog.entry("optimizers", "adam")
    assert entry.distribution == str(files[0])
    (line,) = [warning for warning in catalog.warnings if "'adam'" in warning]
    assert line.startswith("optimizer 'adam' is that of plugin 'named'")
    assert "and not that of plugin 'optimizers' (benchbed" in line
    assert "adam" not in record(catalog, "optimizers").registered["optimizers"]
    with pytest.raises(UsageError, match="neither is available"):
        load_catalog(files, {}).entry("optimizers", "adam")


def test_a_blocked_plugin_is_not_imported(plugin, record):
    """Its record has the status and no complaint."""
    catalog = plugin("raise ImportError", environ={"BENCHBED_DISABLE_PLUGINS": " mine ,"})
    assert record(catalog).status == "blocked"
    assert record(catalog).complaint is None
    assert catalog.warnings == ()


def test_blocking_an_unknown_plugin_is_a_warning(plugin):
    """A misspelt name in the variable would otherwise be ignored."""
    catalog = plugin("x = 1", environ={"BENCHBED_DISABLE_PLUGINS": "minne"})
    assert catalog.warnings == (
        "BENCHBED_DISABLE_PLUGINS names 'minne', which is not a plugin; did you mean 'mine'?",
    )


def test_everything_built_in_loads(built_in, record):
    """The built-in plugins come first, in their own order."""
    catalog = load_catalog(environ={"BENCHBED_DISABLE_PLUGINS": ""})
    complaints = [record.complaint for record in catalog.plugins if record.distribution == "benchbed"]
    assert complaints == [None] * len(complaints)
    names = catalog.names("optimizers")
    course = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
    assert names[:4] == course[:4]
    assert [name for name in names if name in course] == list(course)
    assert {"quadratic", "quartic", "runge"} <= set(catalog.names("problems"))
    assert all(entry.summary for kind in catalog.entries for entry in catalog.entries[kind].values())


def test_built_in_plugins_are_loaded_once_until_an_installation(built_in, install, monkeypatch, tmp_path):
    """An installation may change the versions that their objects depend on, but not at the end of the path.

    There setuptools adds a folder of its own packages when torch imports it, perhaps in the driver alone.
    """
    first, second = (load_catalog(environ={}).entry("optimizers", "adam") for _ in range(2))
    assert second is first
    (tmp_path / "vendor" / "packaging-1.0.dist-info").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(tmp_path / "vendor")])
        assert load_catalog(environ={}).entry("optimizers", "adam") is first
    install("other-package", {}, {})
    third = load_catalog(environ={}).entry("optimizers", "adam")
    assert third is not first
    assert third.origin == first.origin


def test_a_built_in_plugin_that_failed_is_loaded_again(install, record):
    """Its import may have failed because of something that has changed since."""
    site = install("benchbed", {"failing_part": "raise ImportError"}, {"part": "failing_part"})
    assert record(load_catalog(environ={}), "part").status == "broken"
    source = "from benchbed.hookspecs import hookimpl\n@hookimpl\ndef register_metrics(register): pass\n"
    (site / "failing_part.py").write_text(source)
    assert record(load_catalog(environ={}), "part").status == "loaded"


def test_the_working_directory_is_restored(plugin, tmp_path):
    """A plugin that changes it would redirect a relative -O."""
    (tmp_path / "elsewhere").mkdir()
    before = Path.cwd()
    plugin(f"import os\nos.chdir({str(tmp_path / 'elsewhere')!r})\n")
    assert Path.cwd() == before


def test_commands_need_their_own_entry_point(plugin, record, tmp_path):
    """A plugin that registers commands without it, or in a plugin file, would never see them."""
    source = "@hookimpl\ndef register_commands(register):\n    raise AssertionError\n"
    assert "group 'benchbed.commands'; add that entry point" in record(plugin(source)).error
    (tmp_path / "filed.py").write_text("from benchbed.hookspecs import hookimpl\n" + source)
    catalog = load_catalog([tmp_path / "filed.py"])
    assert record(catalog, "filed").status == "invalid"
