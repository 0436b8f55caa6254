"""Names are safe in paths, pages, tables and terminals, or they are refused."""

import functools

import pytest

from benchbed.catalog.names import derived_name, name_fault, one_line, quoted, suggestion

REFUSED = [
    "../../x", "CON", "con", "nul", "com1", "lpt9", "<script>", "=cmd()", r"$\frac{$", "[red]", "\x1b[31m",
    "a" * 65, "a" * 300, "Adam", "", "-a", "1a", "a b", "a_b", "adam\n", "ädam", None, 1,
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=range(len(REFUSED)))
def test_a_name_that_could_do_harm_is_refused(name):
    """The reason quotes it on one short, printable line."""
    fault = name_fault(name)
    assert fault.isprintable()
    assert len(fault) < 300


@pytest.mark.parametrize(
    "name", ["a", "adam", "adam2", "weighted-quartic", "a" * 64, "console", "com", "com10"]
)
def test_a_plain_name_is_allowed(name):
    """Letters, digits and hyphens, beginning with a letter."""
    assert name_fault(name) is None


@pytest.mark.parametrize("name", ["Adam", "\x1b[31m"])
def test_a_plugin_that_registers_a_bad_name_is_invalid(name, plugin, record):
    """Nothing of the name reaches the terminal as it is."""
    source = f"@hookimpl\ndef register_optimizers(register):\n    register(rule, name={name!r})"
    found = record(plugin(source))
    assert found.status == "invalid"
    assert repr(name) in found.error
    assert found.complaint.isprintable()


def my_rule():
    pass


class WeightedQuartic:
    pass


class HTTPReport:
    pass


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (my_rule, "my-rule"),
        (WeightedQuartic, "weighted-quartic"),
        (WeightedQuartic(), "weighted-quartic"),
        (HTTPReport, "http-report"),
        (functools.partial(my_rule), "my-rule"),
        (lambda: None, "<lambda>"),
    ],
)
def test_a_name_is_derived(thing, name):
    """A function's underscores and a class's humps become hyphens."""
    assert derived_name(thing) == name


def test_quoting_escapes_and_cuts():
    """Whatever a stranger wrote stays on one line of bounded length."""
    assert quoted("\x1b[31m\n") == r"'\x1b[31m\n'"
    assert len(quoted("x" * 10_000)) < 120
    assert one_line("a\n  b\x07") == r"a b\x07"
    assert len(one_line("x" * 10_000)) < 600


@pytest.mark.parametrize(
    ("name", "near"),
    [("quartik", "quartic"), ("QUARTIC", "quartic"), ("lr", "learning_rate"), ("nadam", "NAdam")],
)
def test_a_near_spelling_is_suggested(name, near):
    """Letters that differ, another case, and an abbreviation."""
    assert suggestion(name, ["quartic", "learning_rate", "NAdam"]) == f"; did you mean {near!r}?"


def test_nothing_is_suggested_where_nothing_is_near():
    """A wrong guess would be worse than none."""
    assert suggestion("zzz", ["quartic"]) == ""
