"""The performance profile of Dolan and Moré equals its definition."""

import math
import random

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.aggregate import share_within
from benchbed.reports.profile import draw, performance_ratios, pieces

pytestmark = pytest.mark.slow

SUCCESS = 2  # the third of the targets, 10⁻³


def random_calls(results, seed):
    """Return results with random calls to success, a third of them infinite, and these calls by case."""
    generator, calls, column = random.Random(seed), {}, []
    for row in results.outcomes.itertuples():
        reached = list(row.calls_to_target)
        reached[SUCCESS] = math.inf if generator.random() < 1 / 3 else float(generator.randint(1, 1000))
        column.append(reached)
        calls[row.track, row.optimizer, row.problem, row.seed] = reached[SUCCESS]
    return results._replace(outcomes=results.outcomes.assign(calls_to_target=column)), calls


@pytest.mark.parametrize("seed", range(3))
def test_the_profile_equals_its_definition(results, seed):
    """ρ(τ) is the share of all cases with t / min t ≤ τ (section 2 of the paper)."""
    study, calls = random_calls(results, seed)
    cases = [(problem, number) for problem in study.problems for number in range(5)]
    limits = np.array([1.0, 1.5, 2.0, 7.0, 1000.0])
    assert performance_ratios(study, "default") == {}, "default rates have no means over problems"
    for track in ("tuned",):
        ratios = performance_ratios(study, track)
        assert list(ratios) == list(study.optimizers)
        for name, row in ratios.items():
            expected = [
                sum(
                    math.isfinite(calls[track, name, *case])
                    and calls[track, name, *case]
                    / min(calls[track, rival, *case] for rival in study.optimizers)
                    <= limit
                    for case in cases
                )
                / len(cases)
                for limit in limits
            ]
            assert share_within(row, limits).tolist() == expected


def test_unsolved_cases_stay_in_the_denominator(results):
    """A case without any success counts as not solved for all."""
    never = results._replace(
        outcomes=results.outcomes.assign(calls_to_target=[[math.inf] * 8] * len(results.outcomes))
    )
    ratios = performance_ratios(never, "tuned")
    assert all(np.isinf(row).all() and len(row) == 10 for row in ratios.values())
    assert set(draw(never, "")) == {"plots/profile.png", "plots/profile.svg"}


def test_another_optimizer_changes_the_ratios(make_results):
    """So the report is optional, and its title warns."""
    two, three = (
        make_results(optimizers=("sgd", "adam", "gd")[:number], problems=("quadratic",)) for number in (2, 3)
    )
    three = three._replace(outcomes=add_gd(two.outcomes, three.outcomes, calls=1.0))
    before, after = (performance_ratios(study, "tuned") for study in (two, three))
    assert any((before[name] != after[name]).any() for name in before)
    assert "relative to the entrants" in text_of(draw(two, "quadratic")["plots/profile.svg"])


def add_gd(outcomes, further, calls):
    """Append the rows of `gd` from `further`, with every target reached at `calls`."""
    gd = further[further["optimizer"] == "gd"]
    return pd.concat([outcomes, gd.assign(calls_to_target=[[calls] * 8] * len(gd))], ignore_index=True)


def test_a_deterministic_trial_represents_every_seed(results):
    """One trial of gd, five of the others."""
    outcomes = results.outcomes
    single = outcomes[(outcomes["optimizer"] != "gd") | (outcomes["seed"] == 0)]
    ratios = performance_ratios(results._replace(outcomes=single), "tuned")
    assert {len(row) for row in ratios.values()} == {10}


def test_optimizers_that_are_not_compared_have_no_curve(results):
    """Their calls do not enter the ratios."""
    groups = results.groups[results.groups["optimizer"] != "gd"]
    ratios = performance_ratios(results._replace(groups=groups), "tuned")
    assert "gd" not in ratios
    assert len(ratios) == 6


def test_ratios_are_to_all_optimizers(make_results):
    """Including those that are not drawn."""
    crowded = make_results(
        problems=("quadratic",), optimizers=[f"o{i}" for i in range(25)], seeds=1, tracks=("default",)
    )
    assert len(performance_ratios(crowded, "default")) == 25
    assert set(draw(crowded, "quadratic")) == {"plots/profile.png", "plots/profile.svg"}


def test_problems_without_an_optimum_have_no_profile(make_results):
    """Success is not defined there."""
    assert pieces(make_results(problems=("open",), without_optimum=("open",))) == []


def text_of(svg):
    return " ".join(svg.decode().split())
