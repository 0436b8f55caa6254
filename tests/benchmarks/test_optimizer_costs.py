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
    monkeypatch.setattr(script, "TRIALS", {"quadratic": 10})
    monkeypatch.setattr(script, "STEPS", (50, 50))
    assert [cost.is_same for cost in script.costs(["lion"], ["quadratic"], rounds=1)] == [True]
    monkeypatch.setitem(script.OPTAX, "lion", lambda rate: script.optax.lion(rate, b2=0.5, weight_decay=0.0))
    assert [cost.is_same for cost in script.costs(["lion"], ["quadratic"], rounds=1)] == [False]


def test_a_run_that_is_stopped_has_printed_its_rows(script, monkeypatch, capsys):
    """With the names of the columns above them, in columns of fixed width."""

    def costs(*_):
        yield script.Cost("sgd", "quadratic", 0.001234, 0.0025, 0.4936, True)
        yield script.Cost("schedule-free-adamw", "digits-mlp", "the step cannot be traced", None, None, None)
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "costs", costs)
    monkeypatch.setattr(script, "keep_to", lambda threads: None)
    with pytest.raises(KeyboardInterrupt):
        script.main([])
    headers, first, second = capsys.readouterr().out.splitlines()
    assert headers.split() == ["optimizer", "problem", "benchbed", "µs", "optax", "µs", "ratio", "same"]
    assert first.split() == ["sgd", "quadratic", "0.00123", "0.0025", "0.494", "yes"]
    assert [first.index(cell) for cell in ("quadratic", "0.00123", "0.0025", "0.494", "yes")] == [
        headers.index(header) for header in script.HEADERS[1:]
    ]
    assert second.split(maxsplit=2) == ["schedule-free-adamw", "digits-mlp", "the step cannot be traced"]
