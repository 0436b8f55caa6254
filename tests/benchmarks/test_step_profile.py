"""The profile of a step counts every part of the program, and all of it."""

import importlib
import re

import pytest
import torch


@pytest.fixture
def profile():
    return importlib.import_module("step_profile")


def test_statements_are_cut_where_all_brackets_are_closed(profile):
    """A declaration goes with the statement after it."""
    step = "const int x = 1;\n{\nfor (;;) {\na;\n}\n}\n{ b; }"
    assert list(profile.statements(step)) == ["const int x = 1;\n{\nfor (;;) {\na;\n}\n}", "{ b; }"]


def test_every_statement_is_followed_by_a_clock(profile):
    """That of its part; nothing else changes."""
    step = "{\nof_tanh(x);\n}\n{\ny;\n}\n{\nof_tanh(z);\n}"
    text = (
        f'#include <cmath>\nextern "C" int64_t advance() {{\n{profile.LOOP}{step}\n      }}\nreturn 0; }}\n'
    )
    clocked, parts = profile.with_clocks(text)
    assert parts == ["number by number, with tanh", "number by number, without"]
    assert re.findall(r"spent\[(\d)\] \+= ", clocked) == ["0", "1", "0"]
    before = clocked.replace(profile.CLOCK, "").replace('extern "C" { double spent[2]; }\n', "")
    assert (
        re.sub(r"(double before = now\(\);|\{ const double t = .*\})\n", "", before).split() == text.split()
    )


def test_no_more_is_counted_than_was_spent(profile):
    """By the parts of one run; what is left is the loading and storing of lanes."""
    with torch.no_grad():
        found, clocked, whole = profile.measure(trials=4, steps=50, rounds=1)
    assert "product of 32 × 32 and 32 × 128" in found
    assert all(value > 0 for value in found.values())
    assert sum(found.values()) <= clocked
    assert whole > 0
