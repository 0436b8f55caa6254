"""Two studies of one plan are compared seed by seed, or not at all."""

import msgspec
import numpy as np
import pandas as pd
import pytest

import benchbed
from benchbed.catalog import load_catalog
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.study import Resources, run_plan
from benchbed.study.compare import compare_studies, worsened

PLUGIN = """
from typing import NamedTuple
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


class Nothing(NamedTuple):
    pass


def mine(rate: float = {rate}):
    return Optimizer(init=lambda theta: Nothing(), update=lambda o, s, t: (t - rate * o.gradient, s))


@hookimpl
def register_optimizers(register):
    register(mine)
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Give a function that runs a small study, once for each set of options."""
    folder, made = tmp_path_factory.mktemp("compared"), {}

    def run(rate=0.01, **options):
        name = f"{rate}-{sorted(options.items())}"
        if name not in made:
            plugin = folder / f"mine_{len(made)}.py"
            plugin.write_text(PLUGIN.format(rate=rate))
            usual = {
                "problems": ["quadratic", "runge"],
                "optimizers": ["mine", "gd"],
                "seeds": 4,
                "steps": 60,
            }
            made[name] = benchbed.run(
                **{**usual, "preset": "quick", "tracks": ["default"], "device": "cpu", **options},
                output=folder / f"study{len(made)}",
                plugin_files=[plugin],
                executor="serial",
            )
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        yield run


def test_a_study_equals_itself(study):
    """All differences are 0 to the bit, with limits of no width."""
    changes = compare_studies(study(), study())
    assert {change.problem for change in changes} == {"quadratic", "runge", ALL_PROBLEMS}
    assert all(change.difference == change.low == change.high == 0 for change in changes)
    assert worsened(changes, 0.0) == []


def test_a_worse_rule_is_found_and_the_others_are_not_blamed(study):
    """A rate ten times too small lowers the score of the rule that has it, on every seed."""
    changes = compare_studies(study(), study(rate=0.001))
    assert [change.optimizer for change in worsened(changes, 0.02)] == ["mine"]
    (mine,) = [change for change in changes if change.optimizer == "mine" and change.problem == ALL_PROBLEMS]
    assert mine.difference == pytest.approx(mine.after - mine.before)
    assert mine.low <= mine.difference <= mine.high < 0


def test_what_is_deterministic_is_compared_exactly(study):
    """One trial, no interval; a fall beyond the margin is a fall, however few trials there were."""
    options = {"problems": ["quadratic[start=2]"]}
    changes = compare_studies(study(**options), study(rate=0.001, **options))
    assert all(
        change.is_exact and np.isnan([change.low, change.high, change.p_value]).all() for change in changes
    )
    assert [change.optimizer for change in worsened(changes, 0.02)] == ["mine"]
    (mine,) = worsened(changes, 0.02)
    assert mine.difference == mine.after - mine.before < -0.02


def test_beside_a_sampled_problem_it_is_a_constant_of_the_mean(study):
    """The mean is tested as ever; only the deterministic problem itself is exact."""
    options = {"problems": ["quadratic[start=2]", "runge"]}
    changes = compare_studies(study(**options), study(rate=0.001, **options))
    assert {change.problem for change in changes if change.is_exact} == {"quadratic[start=2]"}
    assert [change.optimizer for change in worsened(changes, 0.02)] == ["mine"]


def test_seeds_that_were_all_run_compare_with_the_one_that_stands_for_them(study, tmp_path):
    """An earlier benchbed ran every seed of a deterministic problem: its folder still compares."""
    once = study(problems=["quadratic[start=2]"], optimizers=["gd"])
    assert len(once.results.outcomes) == 1
    plans = [msgspec.structs.replace(problem, seedless=False) for problem in once.plan.problems]
    plan = msgspec.structs.replace(once.plan, problems=tuple(plans))
    every = run_plan(plan, load_catalog([]), tmp_path / "every", (), Resources(executor="serial"))
    assert len(every.results.outcomes) == 4
    (change,) = compare_studies(every, once)
    assert (change.difference, change.low, change.high, change.is_exact) == (0, 0, 0, False)


def test_a_single_seed_accuses_nobody(study):
    """Without an interval a fall may be luck."""
    changes = compare_studies(study(seeds=1), study(rate=0.001, seeds=1))
    assert min(change.difference for change in changes) < -0.02
    assert worsened(changes, 0.0) == []


def test_a_better_rule_is_no_failure(study):
    """Only a fall counts."""
    assert worsened(compare_studies(study(rate=0.001), study()), 0.0) == []


def test_the_margin_is_respected(study):
    """What fell by less than is allowed passes."""
    assert worsened(compare_studies(study(), study(rate=0.001)), 0.99) == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"steps": 50}, "budget of quadratic"),
        ({"dtype": "float32"}, "of quadratic"),
        ({"seed": 7}, "study seed"),
        ({"seeds": 3}, "evaluation seeds"),
        ({"tolerance": 1e-6}, "the tolerance is not given in the first study and 1e-06 in the second"),
        (
            {"checkpoints": "all"},
            "the choice of checkpoints is protocol in the first study and all in the second",
        ),
    ],
)
def test_studies_that_do_not_compare_are_refused(study, options, what):
    """Scores of other budgets, dtypes or seeds are other quantities."""
    with pytest.raises(UsageError, match=what):
        compare_studies(study(), study(**options))


def test_studies_without_a_common_row_are_refused(study):
    """There is nothing to say."""
    with pytest.raises(NothingSelectedError):
        compare_studies(study(), study(problems=["quartic"]))


def test_another_entrant_changes_nothing_of_a_row(study):
    """Scores, intervals, counts and gaps are absolute: equal to the bit whoever takes part."""
    alone, beside = (
        s.summary[s.summary["optimizer"] == "gd"].reset_index(drop=True)
        for s in (study(optimizers=["gd"]), study(optimizers=["mine", "gd"]))
    )
    pd.testing.assert_frame_equal(alone, beside, check_exact=True)
