"""Tests of the differences between plans: each is named, and shards have none."""

import os

import msgspec
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.records import Origin
from benchbed.plan import Request, Shard, make_plan
from benchbed.study.plan_differences import plan_differences


@pytest.fixture(scope="module")
def catalog():
    return load_catalog([], dict(os.environ))


@pytest.fixture(scope="module")
def plan_of(catalog):
    def build(**fields):
        values = {"problems": ("quadratic", "quartic"), "optimizers": ("gd", "adam"), "preset": "quick"}
        return make_plan(catalog, Request(**values | fields, device="cpu"))

    return build


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"seeds": 4}, ["evaluation seeds (3 and 4)"]),
        ({"seed": 1}, ["study seed (0 and 1)"]),
        ({"tolerance": 0.1}, ["tolerance (none and 0.1)"]),
        ({"tracks": ("tuned",)}, ["tracks (default, tuned and tuned)"]),
        ({"steps": 30}, ["budget of quadratic (200 and 30)", "budget of quartic (1000 and 30)"]),
        ({"problems": ("quadratic",)}, ["problem quartic (only in the first)"]),
        ({"problems": ("quartic", "quadratic")}, ["order of the problems"]),
        ({"optimizers": ("gd", "adam", "sgd")}, ["optimizer sgd (only in the second)"]),
    ],
)
def test_a_different_setting_is_named(plan_of, fields, expected):
    """Its values are those of the first plan and of the second."""
    assert plan_differences(plan_of(), plan_of(**fields)) == expected


def test_different_code_is_named(plan_of):
    """Its modules, too."""
    plan = plan_of()
    problem = msgspec.structs.replace(plan.problems[0], source="0" * 32, origin=Origin())
    changed = msgspec.structs.replace(plan, problems=(problem, plan.problems[1]))
    (difference,) = plan_differences(plan, changed)
    assert difference.startswith("code of problem quadratic (in ")
    assert "benchbed_problems.quadratic," in difference
    changed = msgspec.structs.replace(plan, metrics={**plan.metrics, "other": Origin("mine:other")})
    assert plan_differences(plan, changed) == ["metric other (only in the second)"]


def test_shards_and_devices_of_one_plan_do_not_differ(plan_of):
    """Equal trials run on each CUDA device."""
    plan = plan_of()
    assert plan_differences(plan.of_shard(Shard(1, 2)), plan.of_shard(Shard(2, 4))) == []
    devices = (msgspec.structs.replace(plan, device=device) for device in ("cuda:0", "cuda:1"))
    assert plan_differences(*devices) == []
    assert plan_differences(plan, msgspec.structs.replace(plan, device="cuda")) == ["device (cpu and cuda)"]
