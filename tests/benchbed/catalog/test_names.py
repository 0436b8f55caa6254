"""Tests of names: they are safe in paths, pages, tables and terminals, or rejected."""

import functools

import pytest

from benchbed.catalog.names import derived_name, name_fault, one_line, quoted, suggestion

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
