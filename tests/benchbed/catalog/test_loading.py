"""Whatever a plugin does while it loads, the others stay, and its record says what happened."""

from pathlib import Path

import pytest

from benchbed.catalog import load_catalog
from benchbed.errors import UsageError

OFFERS_RULE = """
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
    "cannot say what is wrong": (
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd",
        "mine_module.Odd: <exception str() failed>",
    ),
}


@pytest.mark.parametrize(("source", "expected"), FAILING.values(), ids=FAILING)
def test_a_plugin_that_fails_is_broken_and_the_others_load(source, expected, plugin, install, record):
    """Its record holds one line and the traceback."""
    install("good-package", {"good_module": OFFERS_RULE.format(name="good-rule")}, {"good": "good_module"})
    catalog = plugin(source)
    assert record(catalog).status == "broken"
    assert expected in record(catalog).error
    assert "\n" not in record(catalog).error
    assert "good-rule" in catalog.names("optimizers")


def test_the_traceback_of_a_broken_plugin_ends_at_its_own_line(plugin, record):
    """Neither the loader's frames nor importlib's tell its author anything."""
    traceback = record(plugin("raise ImportError('no such part')")).traceback
    assert traceback.count("  File ") == 1
    assert "raise ImportError('no such part')" in traceback


def test_an_interrupt_passes_through(plugin):
    """Ctrl-C while plugins load is meant for benchbed."""
    with pytest.raises(KeyboardInterrupt):
        plugin("raise KeyboardInterrupt")


def test_an_entry_point_of_the_wrong_form_is_broken(install, record):
    """A value that names no module is said to do so."""
    install("odd-package", {}, {"mine": "not a module!"})
    assert "is not of the form module or module:attribute" in record(load_catalog(environ={})).error


def test_an_unknown_hook_is_refused_with_the_near_one(plugin, record):
    """A misspelt hook would otherwise be ignored in silence."""
    found = record(plugin("@hookimpl\ndef register_optimisers(register): pass"))
    assert found.status == "invalid"
    assert found.error == "unknown hook 'register_optimisers'; did you mean 'register_optimizers'?"


def test_a_hook_with_a_wrong_argument_is_refused(plugin, record):
    """The hook's signature is checked against its specification."""
    found = record(plugin("@hookimpl\ndef register_optimizers(registrar): pass"))
    assert found.status == "invalid"
    assert "registrar" in found.error


def test_a_plugin_without_hooks_is_told_how_to_make_one(plugin, record):
    """Whoever forgets the decorator offers nothing."""
    found = record(plugin("def register_optimizers(register): pass"))
    assert found.status == "invalid"
    assert "hookimpl" in found.error


def test_all_or_nothing_of_a_plugin_counts(plugin, record):
    """What was registered before the mistake does not count either."""
    catalog = plugin(OFFERS_RULE.format(name="first") + "    register(rule, name='../../x')")
    assert record(catalog).status == "invalid"
    assert record(catalog).registered == {}
    assert "first" not in catalog.names("optimizers")


def test_a_validation_error_ends_at_the_plugins_own_line(plugin, record):
    """The last line of the traceback's frames is the call of register."""
    traceback = record(plugin(OFFERS_RULE.format(name="Bad"))).traceback
    assert 'register(rule, name="Bad")' in traceback
    assert traceback.count("  File ") == 1


def test_register_is_closed_after_the_hook(install, record, plugin):
    """What is registered later could belong to anyone."""
    late = "kept = []\n@hookimpl\ndef register_optimizers(register):\n    kept.append(register)\n"
    install("early-package", {"early_module": late}, {"early": "early_module"})
    catalog = plugin(
        "import early_module\n@hookimpl\ndef register_metrics(register):\n    early_module.kept[0](rule)"
    )
    assert record(catalog).status == "invalid"
    assert "after the hook had returned" in record(catalog).error


def test_a_plugin_that_prints_leaves_stdout_alone(plugin, capsys):
    """stdout carries the product."""
    plugin("print('hello')")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "hello" in printed.err


def test_a_clash_has_no_winner(plugin, install, record):
    """Neither of two things with one name counts, and each record names the other plugin."""
    both = OFFERS_RULE.format(name="twin") + "    register(rule, name='{own}')"
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


def test_a_stranger_cannot_replace_what_is_built_in(built_in, plugin):
    """A plugin that offers `adam` takes nobody in: `adam` is then an error."""
    catalog = plugin(OFFERS_RULE.format(name="adam"))
    with pytest.raises(UsageError, match="neither counts"):
        catalog.entry("optimizers", "adam")
    assert "sgd" in catalog.names("optimizers")


def test_a_blocked_plugin_is_not_imported(plugin, record):
    """Its record says so, and nothing of it ran."""
    catalog = plugin("raise ImportError", environ={"BENCHBED_DISABLE_PLUGINS": " mine ,"})
    assert record(catalog).status == "blocked"
    assert record(catalog).complaint is None
    assert catalog.warnings == ()


def test_blocking_what_does_not_exist_is_one_warning(plugin):
    """A misspelt name in the variable would otherwise block nothing in silence."""
    catalog = plugin("x = 1", environ={"BENCHBED_DISABLE_PLUGINS": "minne"})
    assert catalog.warnings == (
        "BENCHBED_DISABLE_PLUGINS names 'minne', which is no plugin; did you mean 'mine'?",
    )


def test_everything_built_in_loads(built_in, record):
    """The built-in plugins keep their own order and come before a stranger's."""
    catalog = load_catalog(environ={"BENCHBED_DISABLE_PLUGINS": ""})
    own = [found for found in catalog.plugins if found.distribution == "benchbed"]
    assert [found.complaint for found in own] == [None] * len(own)
    assert catalog.names("optimizers")[:7] == (
        "gd",
        "sgd",
        "momentum",
        "nesterov",
        "rmsprop",
        "adam",
        "adamw",
    )
    assert {"quadratic", "quartic", "runge"} <= set(catalog.names("problems"))
    assert all(entry.summary for kind in catalog.entries for entry in catalog.entries[kind].values())


def test_a_plugin_that_changes_the_folder_moves_nobody(plugin, tmp_path):
    """The working directory after loading is the one before, so that a relative -O means what it meant."""
    (tmp_path / "elsewhere").mkdir()
    before = Path.cwd()
    plugin(f"import os\nos.chdir({str(tmp_path / 'elsewhere')!r})\n")
    assert Path.cwd() == before
