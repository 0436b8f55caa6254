"""Plans of figures: full suites, and the suites that an added optimizer joins."""

from pathlib import Path

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.plan import complete_request, make_plan
from benchbed.plan.request import as_request
from benchbed.study.figure_plans import add_optimizers, plan_of

PLUGIN = Path(__file__).with_name("figure_plugin") / "pictures.py"


@pytest.fixture
def plan_figures():
    """Return a function that plans figures of the installed plugins with added optimizers."""
    catalog = load_catalog()

    def plan(names, optimizers):
        figures = [catalog.entry("figures", name).implementation for name in names]
        plans = {suite: plan_of(catalog, suite, full=False) for figure in figures for suite in figure.suites}
        plans, warnings = add_optimizers(catalog, plans, figures, optimizers, (), "serial")
        assert warnings == []
        return {suite: [entrant.label for entrant in plan.entrants] for suite, plan in plans.items()}

    return plan


def test_a_suite_without_a_full_form_is_planned_as_it_is():
    """The full form replaces the other one if it is requested."""
    catalog = load_catalog([PLUGIN])
    assert plan_of(catalog, "tiny", full=False).problems[0].budget == 3
    assert plan_of(catalog, "tiny", full=True).problems[0].budget == 7
    assert plan_of(catalog, "tiny-full", full=True).problems[0].budget == 7


def test_an_optimizer_joins_the_suites_of_its_gradient(plan_figures):
    """C5 runs gradient descent with 625 000 calls and SGD with 200: a stochastic optimizer joins the second alone."""
    plans = plan_figures(["toy-mean-paths"], ["momentum", "gd"])
    assert plans["course-toy-mean-gd"] == ["gd[learning_rate=0.05]", "gd"]
    assert plans["course-toy-mean-sgd"] == ["sgd[learning_rate=0.05]", "momentum"]


def test_an_optimizer_joins_all_suites_if_none_has_its_gradient(plan_figures):
    """Both suites of C1 contain gradient descent only."""
    plans = plan_figures(["linear-regression-path"], ["momentum"])
    assert [labels[-1] for labels in plans.values()] == ["momentum", "momentum"]


def test_a_figure_that_takes_none_keeps_its_plan(plan_figures):
    """The edge of stability is one of gradient descent."""
    plans = plan_figures(["quadratic-paths", "quadratic-edge"], ["adam"])
    assert plans["course-quadratic"][-1] == "adam"
    assert len(plans["course-quadratic"]) == 4
    assert len(plans["course-quadratic-edge"]) == 4


def test_optimizers_that_no_figure_takes_are_rejected(plan_figures):
    """The message names the figures; without optimizers, their suites are planned."""
    message = (
        "^none of these figures takes optimizers: quadratic-edge, pullback; see `benchbed list figures`$"
    )
    with pytest.raises(UsageError, match=message):
        plan_figures(["quadratic-edge", "pullback"], ["adam"])
    assert list(plan_figures(["quadratic-edge", "pullback"], [])) == ["course-quadratic-edge"]


def test_an_optimizer_of_the_suite_is_not_added_again(plan_figures):
    """A list adds its other values."""
    (labels,) = plan_figures(["quartic-paths"], ["sgd[learning_rate=[0.05, 0.1]]"]).values()
    assert labels == ["gd[learning_rate=0.05]", "sgd[learning_rate=0.05]", "sgd[learning_rate=0.1]"]


def test_the_suite_of_an_extended_plan_repeats_it():
    """`suite.toml` of the study resolves to the same plan."""
    catalog = load_catalog()
    figures = [catalog.entry("figures", "quartic-paths").implementation]
    plans = {suite: plan_of(catalog, suite, full=False) for suite in figures[0].suites}
    plans, _ = add_optimizers(catalog, plans, figures, ["clip(adam, norm=1)"], (), "serial")
    (plan,) = plans.values()
    assert make_plan(catalog, complete_request(catalog, as_request(plan.suite, ""), None)) == plan
