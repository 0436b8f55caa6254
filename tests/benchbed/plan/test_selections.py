"""Tests of resolving single selections."""

import dataclasses
import re
import sys
from typing import Annotated, Literal

import msgspec
import pytest

from benchbed.errors import UsageError
from benchbed.interfaces import Choice, Optimizer
from benchbed.plan.selections import OptimizerSelection, resolve_selection
from benchbed.plan.stored import plan_faults


def test_a_missing_library_of_a_problem_is_named(plan_of, monkeypatch):
    """With the command that installs it, not with a traceback."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        UsageError, match=r"^logistic-regression cannot be used: .* pip install 'benchbed\[data\]'"
    ):
        plan_of(("logistic-regression",))


@pytest.mark.parametrize(
    ("problem", "dtype", "targets"),
    [
        ("quadratic", "float64", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]),
        ("quadratic", "float32", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5]),
        ("quadratic[gradient_noise=1]", "float32", [10 ** (-k / 2) for k in range(1, 9)]),
        ("polynomial-network", None, [10 ** (-k / 4) for k in range(1, 9)]),
    ],
)
def test_targets_in_single_precision_are_at_least_1e_5(plan_of, problem, dtype, targets):
    """10⁻⁵ itself is a target."""
    assert plan_of((problem,), dtype=dtype).problems[0].targets == pytest.approx(targets, rel=1e-11)


@pytest.mark.parametrize(
    ("problem", "optimizer", "oracle", "price"),
    [
        ("quadratic", "gd", "deterministic", 1.0),
        ("quartic", "sgd", "stochastic", 1.0),
        ("quartic", "gd", "exact", 1.0),
        ("polynomial-network[samples=4096]", "gd", "full", 32.0),
        ("polynomial-network[samples=4096]", "sgd", "stochastic", 1.0),
    ],
)
def test_the_oracle_depends_on_problem_and_optimizer(plan_of, problem, optimizer, oracle, price):
    """On the draws and the price of the problem, and on `full_batch` of the optimizer."""
    plan = plan_of((problem,), (optimizer,))
    assert plan.problems[0].oracle_of(plan.entrants[0]) == oracle
    assert plan.problems[0].price_of(plan.entrants[0]) == price


@pytest.mark.parametrize(
    ("gradient", "price"),
    [
        ("reverse", 1),
        ("forward", 4 / 3),
        ("dual", 4 / 3),
        ("forward-random", 2 / 3),
        ("finite-difference", 5 / 3),
    ],
)
def test_each_step_costs_the_price_of_the_gradient(plan_of, gradient, price):
    """In dimension 2, and 32 times as much for the full gradient of 4 096 samples in batches of 128."""
    plan = plan_of(("quadratic",), ("adam",), gradient=gradient)
    assert plan.problems[0].price_of(plan.entrants[0]) == pytest.approx(price)
    assert plan.gradient == plan.suite["gradient"] == gradient
    full = plan_of(("polynomial-network[samples=4096]",), ("gd",), gradient=gradient)
    (problem,) = full.problems
    assert problem.price_of(full.entrants[0]) == pytest.approx(32 * problem.gradient_price)


def test_lists_expand_to_several_entrants(plan_of):
    """Each has a label with the values that differ from the defaults."""
    plan = plan_of(optimizers=("adam[learning_rate=[0.1, 0.01], beta1=[0.9, 0.5]]",))
    assert [entrant.label for entrant in plan.entrants] == [
        "adam[learning_rate=0.1]",
        "adam[learning_rate=0.1, beta1=0.5]",
        "adam[learning_rate=0.01]",
        "adam[learning_rate=0.01, beta1=0.5]",
    ]
    assert not any(entrant.tunable for entrant in plan.entrants)


def test_lists_expand_to_several_problems(plan_of):
    """Batch sizes, rotations and conditions are axes of a study; a parameter that is a list takes a list of lists."""
    plan = plan_of(("noisy-quadratic[batch_size=[1, 16], dimension=[10, 20]]", "quadratic"))
    assert [problem.label for problem in plan.problems] == [
        "noisy-quadratic[dimension=10]",
        "noisy-quadratic[dimension=20]",
        "noisy-quadratic[dimension=10, batch_size=16]",
        "noisy-quadratic[dimension=20, batch_size=16]",
        "quadratic",
    ]
    assert plan.suite["problems"] == [problem.label for problem in plan.problems]


SCHEDULED = "scheduled(adam)[scheduled_schedule={}]"


def test_a_list_of_choices_is_one_row_that_a_search_chooses_from(plan_of):
    """By brute force: each point is that of a row with one of the schedules, with the schedule."""
    request = {"preset": "full", "tracks": ("default", "searched")}
    (row,) = plan_of(optimizers=("scheduled(adam, schedule=[wsd, cosine, wsd])",), **request).entrants
    assert row.label == SCHEDULED.format("[wsd, cosine]")
    assert row.hyperparameters["scheduled_schedule"] == "wsd"
    singles = plan_of(optimizers=("scheduled(adam, schedule=[[wsd], [cosine]])",), **request).entrants
    assert [single.label for single in singles] == [SCHEDULED.format(name) for name in ("wsd", "cosine")]
    points = {single.hyperparameters["scheduled_schedule"]: single.search for single in singles}
    chosen = [point["scheduled_schedule"] for point in row.search]
    assert set(chosen) == {"wsd", "cosine"}
    assert list(row.search) == [
        {**points[name][index], "scheduled_schedule": name} for index, name in enumerate(chosen)
    ]


def test_a_choice_without_a_list_is_searched_in_its_own_values(plan_of):
    """A value is fixed; the plan of a suite is the same."""
    optimizers = (
        "scheduled(adam)",
        "scheduled(adam, schedule=linear)",
        "scheduled(adam, schedule=[wsd, linear])",
    )
    plan = plan_of(optimizers=optimizers, tracks=("searched",))
    free, fixed, listed = plan.entrants
    assert free.choices == {"scheduled_schedule": ("constant", "linear", "cosine", "wsd")}
    assert "scheduled_schedule" not in fixed.search[0]
    again = plan_of(optimizers=tuple(plan.suite["optimizers"]), tracks=("searched",))
    assert again.entrants == plan.entrants
    assert list(plan_faults(msgspec.json.decode(msgspec.json.encode(plan), type=type(plan)))) == []
    assert listed.label == SCHEDULED.format("[wsd, linear]")


def test_without_a_search_a_list_of_choices_makes_rows(plan_of):
    """As every other list."""
    entrants = plan_of(optimizers=("scheduled(adam, schedule=[wsd, cosine])",), tracks=("tuned",)).entrants
    assert [entrant.label for entrant in entrants] == [SCHEDULED.format(name) for name in ("wsd", "cosine")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[cosine, cosin]", "scheduled_schedule is 'cosin'; it must be 'constant' or 'linear'"),
        ("[]", "scheduled_schedule is an empty list; give a value"),
        ("[[], [wsd]]", "scheduled_schedule is an empty list; give a value"),
        ("[1]", "scheduled_schedule is 1; it must be 'constant' or 'linear'"),
    ],
)
def test_a_choice_that_is_not_valid_is_an_error(value, expected, plan_of):
    """Before any trial runs."""
    with pytest.raises(UsageError, match=re.escape(expected)):
        plan_of(optimizers=(f"scheduled(adam, schedule={value})",), tracks=("searched",))


def full_or_not(mode: Annotated[Literal["full", "draws", "none"], Choice(("draws", "full"))] = "draws"):
    """A rule whose static parameter changes the oracle."""
    if mode == "none":
        raise ValueError("mode is none")
    return Optimizer(init=lambda theta: (), update=lambda o, s, theta: (theta, s), full_batch=mode == "full")


def test_a_search_does_not_choose_the_oracle(catalog):
    """The trials of a pairing have one oracle; a value that the optimizer rejects is named, too."""
    entry = catalog.optimizer("adam")._replace(name="full-or-not", implementation=full_or_not, details=None)
    optimizers = {**catalog.entries["optimizers"], "full-or-not": entry}
    catalog = dataclasses.replace(catalog, entries={**catalog.entries, "optimizers": optimizers})
    for text, expected in {
        "full-or-not": "the values [draws, full] of mode differ in the oracle or in random draws",
        "full-or-not[mode=[draws, none]]": "full-or-not: mode is none",
    }.items():
        with pytest.raises(UsageError, match=re.escape(expected)):
            resolve_selection(catalog, OptimizerSelection(text, search_points=8))
    (plan,) = resolve_selection(catalog, OptimizerSelection("full-or-not[mode=full]", search_points=8))
    assert (plan.oracle, plan.search) == ("full", ())
