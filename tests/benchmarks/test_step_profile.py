"""The profile of a step covers all statements of the generated function."""

import importlib
import re

import pytest
import torch

pytestmark = pytest.mark.slow


@pytest.fixture
def profile():
    return importlib.import_module("step_profile")


def test_statements_are_split_where_all_brackets_are_closed(profile):
    """A declaration belongs to the statement after it."""
    step = "const int x = 1;\n{\nfor (;;) {\na;\n}\n}\n{ b; }"
    assert list(profile.statements(step)) == ["const int x = 1;\n{\nfor (;;) {\na;\n}\n}", "{ b; }"]


def test_every_statement_is_followed_by_a_clock(profile):
    """The clock adds to the kind of the statement; nothing else changes."""
    step = "{\nof_tanh(x);\n}\n{\ny;\n}\n{\nof_tanh(z);\n}"
    text = (
        f'#include <cmath>\nextern "C" int64_t advance() {{\n{profile.LOOP}{step}\n      }}\nreturn 0; }}\n'
    )
    clocked, kinds = profile.with_clocks(text)
    assert kinds == ["elementwise, with tanh", "elementwise, without tanh"]
    assert re.findall(r"spent\[(\d)\] \+= ", clocked) == ["0", "1", "0"]
    before = clocked.replace(profile.CLOCK, "").replace('extern "C" { double spent[2]; }\n', "")
    assert (
        re.sub(r"(double before = now\(\);|\{ const double t = .*\})\n", "", before).split() == text.split()
    )


def test_the_kinds_take_at_most_the_total(profile):
    """The difference is the time to load and store lanes."""
    with torch.no_grad():
        times, clocked_total, total = profile.measure(trials=4, steps=50, rounds=1)
    assert "product of 32 × 32 and 32 × 128" in times
    assert all(value > 0 for value in times.values())
    assert sum(times.values()) <= clocked_total
    assert total > 0
