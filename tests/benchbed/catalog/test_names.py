"""Tests of names: they are safe in paths, pages, tables and terminals, or rejected."""

import functools
import importlib
import runpy

import pytest

from benchbed.catalog.names import (
    derived_name,
    name_fault,
    one_line,
    plugin_traceback,
    quoted,
    suggestion,
)

REJECTED = [
    "../../x", "CON", "con", "nul", "com1", "lpt9", "<script>", "=cmd()", r"$\frac{$", "[red]", "\x1b[31m",
    "a" * 65, "a" * 300, "Adam", "", "-a", "1a", "a b", "a_b", "adam\n", "ädam", None, 1,
]  # fmt: skip


@pytest.mark.parametrize("name", REJECTED, ids=range(len(REJECTED)))
def test_an_unsafe_name_is_rejected(name):
    """The reason quotes the name in one short, printable line."""
    fault = name_fault(name)
    assert fault.isprintable()
    assert len(fault) < 300


@pytest.mark.parametrize(
    "name", ["a", "adam", "adam2", "weighted-quartic", "a" * 64, "console", "com", "com10"]
)
def test_a_plain_name_is_allowed(name):
    """Letters, digits and hyphens after a first letter."""
    assert name_fault(name) is None


SOURCES = {
    "an attribute that torch lacks": "import torch\n\nbad = torch.no_such_function",
    "a value that numpy rejects": "import numpy\n\nbad = numpy.linalg.inv(numpy.zeros((2, 2)))",
    "a value that Python's library rejects": "import json\n\nbad = json.loads('{')",
    "its own error": "\n\nraise RuntimeError('no')",
    "a mistake of spelling": "\n\nbad = (",
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_an_error_is_located_in_the_plugin(source, tmp_path):
    """At its own line, also where torch or another package raises; the traceback has the frames of both."""
    file = tmp_path / "mine.py"
    file.write_text(source)
    with pytest.raises(Exception) as raised:  # noqa: PT011 (of any type)
        runpy.run_path(str(file))
    location, trace = plugin_traceback(raised.value)
    assert location == " (mine.py:3)"
    assert str(file) in trace


def test_an_error_is_located_in_a_module_of_the_plugin(tmp_path, monkeypatch):
    """An installed one, whose own packages import each other; other packages do not count."""
    package = tmp_path / "site-packages" / "my_rules"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import my_rules.rule")
    (package / "rule.py").write_text("import my_helpers\nmy_helpers.check()")
    (package.parent / "my_helpers.py").write_text("def check():\n    raise ValueError('no')")
    monkeypatch.syspath_prepend(package.parent)
    with pytest.raises(ValueError, match="no") as raised:
        importlib.import_module("my_rules")
    error = raised.value.with_traceback(raised.value.__traceback__.tb_next)  # without this file
    assert plugin_traceback(error)[0] == " (rule.py:2)"


@pytest.mark.parametrize("name", ["Adam", "\x1b[31m"])
def test_a_plugin_that_registers_a_bad_name_is_invalid(name, plugin, record):
    """The name is escaped before it is printed."""
    source = f"@hookimpl\ndef register_optimizers(register):\n    register(rule, name={name!r})"
    plugin_record = record(plugin(source))
    assert plugin_record.status == "invalid"
    assert repr(name) in plugin_record.error
    assert plugin_record.complaint.isprintable()


def my_rule():
    pass


class WeightedQuartic:
    pass


class HTTPReport:
    pass


@pytest.mark.parametrize(
    ("implementation", "name"),
    [
        (my_rule, "my-rule"),
        (WeightedQuartic, "weighted-quartic"),
        (WeightedQuartic(), "weighted-quartic"),
        (HTTPReport, "http-report"),
        (functools.partial(my_rule), "my-rule"),
        (lambda: None, "<lambda>"),
    ],
)
def test_a_name_is_derived(implementation, name):
    """Underscores of a function and capitals of a class become hyphens."""
    assert derived_name(implementation) == name


def test_quoting_escapes_and_cuts():
    """Third-party text is printed as one line of bounded length."""
    assert quoted("\x1b[31m\n") == r"'\x1b[31m\n'"
    assert len(quoted("x" * 10_000)) < 120
    assert one_line("a\n  b\x07") == r"a b\x07"
    assert len(one_line("x" * 10_000)) < 600


@pytest.mark.parametrize(
    ("name", "similar"),
    [("quartik", "quartic"), ("QUARTIC", "quartic"), ("lr", "learning_rate"), ("nadam", "NAdam")],
)
def test_a_similar_name_is_suggested(name, similar):
    """One with a few other letters, another case, or these initials."""
    assert suggestion(name, ["quartic", "learning_rate", "NAdam"]) == f"; did you mean {similar!r}?"


def test_no_name_is_suggested_if_none_is_similar():
    """The suggestion is empty."""
    assert suggestion("zzz", ["quartic"]) == ""
