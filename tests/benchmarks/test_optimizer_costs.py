"""The table of costs of steps: every rule is timed, and a rule of optax is compared by its points."""

import importlib

import pytest

pytest.importorskip("optax")


@pytest.fixture
def script():
    """The script, which the path contains only during tests."""
    return importlib.import_module("optimizer_costs")


def test_the_rules_of_optax_have_names_of_ours(script):
    """A misspelt one would never be compared."""
    assert set(script.OPTAX) <= set(script.built_in())


@pytest.mark.slow
def test_equal_and_other_points_are_told_apart(script, monkeypatch):
    """Lion is the same rule with the same defaults, and another β₂ makes another rule."""
    monkeypatch.setattr(script, "SIZES", {"quadratic": (10, 50)})
    assert [cost.is_same for cost in script.costs(["lion"], ["quadratic"], rounds=1)] == [True]
    monkeypatch.setitem(script.OPTAX, "lion", lambda rate: script.optax.lion(rate, b2=0.5, weight_decay=0.0))
    rows = list(script.costs(["lion"], ["quadratic"], rounds=1))
    assert [cost.is_same for cost in rows] == [False]
    assert "no" in script.table(rows)
