"""The third-party plugins of a batch: those of its problem, optimizer, gradient and of all metrics."""

import msgspec
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.plan import Request, make_plan
from benchbed.runner.third_party import third_party_plugins

PLUGIN = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


def own(learning_rate: float = 0.1):
    return Optimizer(lambda theta: (), lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, state))


def distance(theta, minimizer):
    return theta.norm(dim=-1)


@hookimpl
def register_{kind}(register):
    register({name})
"""


@pytest.fixture
def plugins_of(tmp_path):
    """Return a function that returns the third-party plugins of a batch of an optimizer, with a plugin file."""

    def plugins(optimizer, kind, name, missing=False):
        (tmp_path / "mine.py").write_text(PLUGIN.format(kind=kind, name=name))
        catalog = load_catalog([tmp_path / "mine.py"], environ={})
        request = Request(problems=("quadratic",), optimizers=(optimizer,), preset="quick", device="cpu")
        plan = make_plan(catalog, request)
        pairing = plan.pairings()[0]
        batch = plan.batch(pairing, [pairing.entrants[0].hyperparameters], "evaluation", [0])
        return third_party_plugins(load_catalog(environ={}) if missing else catalog, plan, batch)

    return plugins


def test_built_in_parts_need_no_third_party_plugin(plugins_of):
    """Plugins that the batch does not use are not loaded for it."""
    assert plugins_of("gd", "optimizers", "own") == ()
    assert plugins_of("torch.optim:SGD", "optimizers", "own") == ()


def test_the_plugin_of_the_optimizer_is_needed(plugins_of):
    """It is named by its file."""
    assert plugins_of("own", "optimizers", "own") == ("mine",)


def test_the_plugin_of_a_metric_is_needed_by_every_batch(plugins_of):
    """Every trial has a value of each metric."""
    assert plugins_of("gd", "metrics", "distance") == ("mine",)


def test_a_missing_plugin_is_left_to_the_process(plugins_of):
    """All plugins are loaded there, so that the error names those that may register it."""
    assert plugins_of("own", "optimizers", "own", missing=True) != ()


def test_a_class_is_not_imported():
    """Its module is third-party code, which runs in the process of its batch only."""
    catalog = load_catalog(environ={})
    request = Request(problems=("quadratic",), optimizers=("gd",), preset="quick", device="cpu")
    plan = make_plan(catalog, request)
    batch = plan.batch(plan.pairings()[0], [{}], "evaluation", [0])
    batch = msgspec.structs.replace(batch, optimizer="a_missing_module:Own")
    assert third_party_plugins(catalog, plan, batch) == ("a_missing_module",)
