"""Tests of the catalog: entries by name, checked values, and errors with suggestions."""

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import BenchbedError, UsageError

BOWL = """
@hookimpl
def register_problems(register):
    register(Bowl)
"""
FUSSY = """
@dataclass(frozen=True)
class Fussy(Bowl):
    def __post_init__(self):
        if self.size == 0:
            raise ValueError("size is 0; give at least 1")
        if self.size == 1:
            raise KeyError("surprise")

@hookimpl
def register_problems(register):
    register(Fussy)
"""
RULES = """
def good(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 0.1,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1)] = 0.9,
    shift: float = 0.0,
    variant: Literal["a", "b"] = "a",
    steps: int = 1,
    limit: int | None = 5,
):
    "A good rule.\\n\\nMore."
    if steps == 13:
        raise ValueError("steps is 13; that is bad luck")
    return rule()

@hookimpl
def register_optimizers(register):
    register(good)
"""


def usage_error(call, *arguments):
    with pytest.raises(UsageError) as raised:
        call(*arguments)
    return str(raised.value)


def test_an_entry_has_its_origin(plugin):
    """Plugin, distribution, version, digest of the file, first line of the docstring."""
    entry = plugin(RULES).entry("optimizers", "good")
    assert (entry.plugin, entry.distribution, entry.version) == ("mine", "mine-package", "1.0")
    assert entry.summary == "A good rule."
    assert int(entry.source, 16) >= 0
    assert len(entry.source) == 16


def test_an_unknown_name_is_reported_with_a_similar_one(built_in):
    """The message is the example of the style guide."""
    message = usage_error(load_catalog(environ={}).entry, "optimizers", "adm")
    assert message.startswith(
        "unknown optimizer 'adm'; did you mean 'adam'? (see `benchbed list optimizers`)"
    )


def test_an_unknown_name_is_reported_with_broken_plugins(plugin):
    """The plugin that did not load may register the name."""
    catalog = plugin("raise ImportError('no part')")
    message = usage_error(catalog.entry, "problems", "x\x1b[31m")
    assert r"unknown problem 'x\x1b[31m' (see" in message
    assert (
        "plugin 'mine' (mine-package 1.0), which may register it, is broken: ImportError: no part (mine_module.py:"
        in message
    )


def test_an_unknown_name_is_reported_with_blocked_plugins(plugin):
    """The user may have forgotten the variable."""
    catalog = plugin("", environ={"BENCHBED_DISABLE_PLUGINS": "mine"})
    assert "is blocked by BENCHBED_DISABLE_PLUGINS" in usage_error(catalog.entry, "problems", "x")


@pytest.mark.parametrize(
    ("parameters", "field", "value"),
    [
        ({"size": 3}, "size", 3),
        ({"start": 2}, "start", 2.0),
        ({"start": [1, 2]}, "start", (1.0, 2.0)),
        ({"start": "none"}, "start", None),
        ({"shape": "flat"}, "shape", "flat"),
    ],
)
def test_a_problem_is_built_from_plain_values(parameters, field, value, plugin):
    """Lists become tuples, integers floats, and `none` becomes None."""
    converted = getattr(plugin(BOWL).problem("bowl", parameters), field)
    assert (converted, type(converted)) == (value, type(value))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (
            {"sise": 3},
            "bowl has no parameter 'sise'; did you mean 'size'? (its parameters are size, start, shape)",
        ),
        ({"size": 2.5}, "bowl: size is 2.5; it must be an integer"),
        ({"size": True}, "bowl: size is True; it must be an integer"),
        ({"size": "2"}, "bowl: size is '2'; it must be an integer"),
        ({"start": float("nan")}, "bowl: start is nan; it must be a finite number or a list"),
        ({"start": [1.0, float("inf")]}, "bowl: start is [1.0, inf]; it must be"),
        ({"shape": "square"}, "bowl: shape is 'square'; it must be 'round' or 'flat'"),
        ({"shape": {"a": 1}}, "bowl: shape is {'a': 1}; it must be"),
    ],
)
def test_values_that_do_not_fit_a_problem_are_rejected(parameters, expected, plugin):
    """The message has the value and the valid ones."""
    assert expected in usage_error(plugin(BOWL).problem, "bowl", parameters)


def test_a_problem_rejects_values_by_a_value_error(plugin):
    """A ValueError is the user's mistake; other errors are the plugin's."""
    catalog = plugin(FUSSY)
    assert usage_error(catalog.problem, "fussy", {"size": 0}) == "fussy: size is 0; give at least 1"
    with pytest.raises(
        BenchbedError,
        match=r"of plugin 'mine' \(mine-package 1.0\) raised KeyError: 'surprise' \(mine_module.py:\d+\)$",
    ) as raised:
        catalog.problem("fussy", {"size": 1})
    assert not isinstance(raised.value, UsageError)


def test_parameters_that_differ_from_the_defaults_are_plain(plugin):
    """They build an equal problem."""
    catalog = plugin(BOWL)
    problem = catalog.problem("bowl", {"start": [2, 2.5], "size": 2})
    assert catalog.problem_parameters(problem) == {"start": [2.0, 2.5]}
    assert catalog.problem("bowl", catalog.problem_parameters(problem)) == problem


def test_a_setting_is_completed_from_the_defaults(plugin):
    """In the order of the signature, with integers converted to floats for hyperparameters."""
    values = plugin(RULES).hyperparameters("good", {"learning_rate": 1, "limit": "none"})
    assert values == {
        "learning_rate": 1.0,
        "beta": 0.9,
        "shift": 0.0,
        "variant": "a",
        "steps": 1,
        "limit": None,
    }
    assert type(values["learning_rate"]) is float


def test_a_completed_setting_is_a_setting(plugin):
    """Values returned by the method are accepted again, None included."""
    catalog = plugin(RULES)
    values = catalog.hyperparameters("good", {"limit": "none"})
    assert catalog.hyperparameters("good", values) == values


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"learning_rate": -1.0}, "good: learning_rate is -1.0; it must be a finite number of at least 0"),
        ({"learning_rate": float("nan")}, "good: learning_rate is nan; it must be"),
        ({"learning_rate": float("inf")}, "good: learning_rate is inf; it must be"),
        ({"learning_rate": 10**400}, "good: learning_rate is 1000"),
        ({"learning_rate": True}, "good: learning_rate is True; it must be"),
        ({"learning_rate": "fast"}, "good: learning_rate is 'fast'; it must be"),
        ({"learning_rate": [0.1]}, "good: learning_rate is [0.1]; it must be"),
        ({"beta": 1}, "good: beta is 1; it must be a number of at least 0 and less than 1"),
        ({"shift": float("nan")}, "good: shift is nan; it must be a finite number"),
        ({"variant": "c"}, "good: variant is 'c'; it must be 'a' or 'b'"),
        ({"steps": 1.5}, "good: steps is 1.5; it must be an integer"),
        ({"steps": 13}, "good: steps is 13; that is bad luck"),
        ({"lr": 0.1}, "good has no parameter 'lr'; did you mean 'learning_rate'? (its parameters are"),
        ({"layout": 1}, "good has no parameter 'layout'"),
    ],
)
def test_a_setting_outside_the_domain_is_rejected(parameters, expected, plugin):
    """Before any trial runs."""
    assert expected in usage_error(plugin(RULES).hyperparameters, "good", parameters)
