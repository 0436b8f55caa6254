"""Tests of resolving single selections."""

import sys

import pytest

from benchbed.errors import UsageError


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
