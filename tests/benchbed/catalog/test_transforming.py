"""Transformed problems are problems of their own, with the parameters and the origin of both parts."""

import dataclasses
from dataclasses import dataclass

import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.transforming import transformed_class
from benchbed.errors import UsageError
from benchbed.interfaces import TransformedProblem
from benchbed_problems.quadratic import Quadratic

CATALOG = load_catalog()


@dataclass(frozen=True)
class Negated(TransformedProblem):
    """Change the sign of every coordinate."""

    seed: int = 3

    def to_original(self, theta, own):
        return -theta

    from_original = to_original


def test_the_parameters_are_those_of_both():
    """Those of the transform have its name before them; a report shows those that differ from their defaults."""
    problem = CATALOG.problem("rotated(quadratic)", {"dimension": 3, "rotated_seed": 1})
    assert CATALOG.problem_parameters(problem) == {"dimension": 3, "rotated_seed": 1}
    assert "rotated_within" in CATALOG.problem_defaults(problem)
    assert problem.layout.dimension == 3


def test_equal_selectors_are_equal_problems():
    """Scales, data and compiled steps are cached by the problem."""
    first, second = (CATALOG.problem("rotated(quadratic)", {"rotated_seed": 1}) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first != CATALOG.problem("rotated(quadratic)", {})


def test_the_origin_contains_both_parts():
    """A change of either file changes the identity of trials."""
    origin = CATALOG.entry("problems", "rotated(quadratic)").origin
    assert {*CATALOG.entry("problems", "quadratic").origin.files} < {*origin.files}
    assert {*CATALOG.entry("transforms", "rotated").origin.files} <= {*origin.files}


def test_parameters_of_one_name_stay_apart():
    """A transform may have a parameter with the name of one of the problem."""

    @dataclass(frozen=True)
    class Seeded(Quadratic):
        seed: int = 7

    problem = transformed_class("negated", Negated, Seeded)(seed=5, negated_seed=6)
    assert (problem.inner.seed, problem.inner.problem.seed) == (6, 5)


def test_a_function_can_be_a_transform():
    """Its annotations and defaults are the parameters."""

    def wider(problem, factor: int = 2):
        return Quadratic(dimension=factor * problem.layout.dimension)

    problem_class = transformed_class("wider", wider, Quadratic)
    assert problem_class(dimension=3).layout.dimension == 6
    assert problem_class(dimension=3, wider_factor=4).layout.dimension == 12


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("problems", "rotatd(quadratic)", "unknown transform 'rotatd'; did you mean 'rotated'?"),
        ("problems", "rotated(quadratc)", "unknown problem 'quadratc'; did you mean 'quadratic'?"),
        ("problems", "rotated(adam)", "unknown problem 'adam'"),
        ("problems", "cosine(quadratic)", "'cosine' wraps optimizers and cannot transform the problem 'quadratic'"),
        ("optimizers", "rotated(adam)", "'rotated' transforms problems and cannot wrap the optimizer 'adam'"),
        ("problems", "beale(quadratic)", "'beale' wraps no optimizer or problem such as 'quadratic'"),
        ("problems", "rotated(rotated(beale))", "'rotated' transforms a problem that has a parameter rotated_within"),
    ],
)  # fmt: skip
def test_an_unknown_part_is_named(kind, name, message):
    """The transform, or the problem in it, and where each of them belongs."""
    with pytest.raises(UsageError) as raised:
        CATALOG.entry(kind, name)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotated_seeds": 1}, "has no parameter 'rotated_seeds'; did you mean 'rotated_seed'?"),
        ({"rotated_seed": 0.5}, "rotated_seed is 0.5; it must be an integer or none"),
        ({"dimension": 0}, "dimension is 0; must be at least 1"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    """Of the transform, and of the problem in it."""
    with pytest.raises(UsageError) as raised:
        CATALOG.problem("rotated(quadratic)", values)
    assert message in str(raised.value)


def test_another_result_than_a_problem_is_a_fault():
    """Of the transform, whose trials would fail."""
    with pytest.raises(TypeError, match="it returns None; return a problem"):
        transformed_class("it", lambda problem: None, Quadratic)()


def test_the_start_is_the_point_of_the_original_start():
    """Also without data of the transform."""
    problem = transformed_class("negated", Negated, Quadratic)(start=(2.0, 1.0))
    start = problem.make_start(torch.Generator())
    assert problem.start_on(start, problem.shared_data()).tolist() == [-2.0, -1.0]


def test_the_defaults_need_not_fit_together():
    """The default vocabulary has too many coordinates for a rotation; a smaller one does not."""
    problem = CATALOG.problem("rotated(zipf-bigram)", {"vocabulary": 17})
    assert CATALOG.problem_parameters(problem) == {"vocabulary": 17}
    with pytest.raises(UsageError, match="a rotation of 10000 coordinates exceeds the limit of 4096"):
        CATALOG.problem("rotated(zipf-bigram)", {})


def test_a_transform_and_a_wrapper_may_have_one_name():
    """The place in the command decides."""
    entries = {**CATALOG.entries, "transforms": {"cosine": CATALOG.entry("transforms", "rotated")}}
    catalog = dataclasses.replace(CATALOG, entries=entries)
    assert catalog.entry("problems", "cosine(quadratic)").kind == "problems"
    assert catalog.entry("optimizers", "cosine(adam)").kind == "optimizers"
