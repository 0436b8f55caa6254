"""The performance profile of Dolan and Moré, against its definition in loops."""

import math
import random

import numpy as np
import pandas as pd
import pytest

from benchbed.reports.profile import draw, performance_ratios, pieces, share_within

SUCCESS = 2  # the third of the targets, 10⁻³


def made_up(results, seed):
    """Give the results with random calls to the success target, a third of which are never reached, and them."""
    generator, calls, column = random.Random(seed), {}, []
    for row in results.outcomes.itertuples():
        reached = list(row.calls_to_target)
        reached[SUCCESS] = math.inf if generator.random() < 1 / 3 else float(generator.randint(1, 1000))
        column.append(reached)
        calls[row.track, row.optimizer, row.problem, row.seed] = reached[SUCCESS]
    return results._replace(outcomes=results.outcomes.assign(calls_to_target=column)), calls


@pytest.mark.parametrize("seed", range(3))
def test_the_profile_is_that_of_a_loop_over_the_cases(results, seed):
    """ρ(τ) is the share of all cases with t / min t ≤ τ: section 2 of the paper, word for word."""
    study, calls = made_up(results, seed)
    cases = [(problem, number) for problem in study.problems for number in range(5)]
    limits = np.array([1.0, 1.5, 2.0, 7.0, 1000.0])
    for track in study.tracks:
        ratios = performance_ratios(study, track)
        assert list(ratios) == list(study.optimizers)
        for name, own in ratios.items():
            expected = [
                sum(
                    math.isfinite(calls[track, name, *case])
                    and calls[track, name, *case]
                    / min(calls[track, other, *case] for other in study.optimizers)
                    <= limit
                    for case in cases
                )
                / len(cases)
                for limit in limits
            ]
            assert share_within(own, limits).tolist() == expected


def test_what_nobody_solves_stays_in_the_denominator(results):
    """A case without any success counts for nobody; it is not left out."""
    never = results._replace(
        outcomes=results.outcomes.assign(calls_to_target=[[math.inf] * 8] * len(results.outcomes))
    )
    ratios = performance_ratios(never, "default")
    assert all(np.isinf(own).all() and len(own) == 10 for own in ratios.values())
    assert set(draw(never, "")) == {"plots/profile.png", "plots/profile.svg"}


def test_one_entrant_more_changes_the_others(make_results):
    """Which is why it is drawn only when asked for, and says so."""
    few, many = (
        make_results(optimizers=("sgd", "adam", "gd")[:number], problems=("quadratic",)) for number in (2, 3)
    )
    many = many._replace(outcomes=_with(few.outcomes, many.outcomes, calls=1.0))
    before, after = (performance_ratios(study, "default") for study in (few, many))
    assert any((before[name] != after[name]).any() for name in before)
    assert "relative to the entrants" in _words(draw(few, "quadratic")["plots/profile.svg"])


def _with(outcomes, further, calls):
    """Give `outcomes`, and those of `gd` from `further` with every target reached at `calls`."""
    gd = further[further["optimizer"] == "gd"]
    return pd.concat([outcomes, gd.assign(calls_to_target=[[calls] * 8] * len(gd))], ignore_index=True)


def test_a_deterministic_trial_stands_for_every_seed(results):
    """One trial of gd beside five of the others."""
    outcomes = results.outcomes
    single = outcomes[(outcomes["optimizer"] != "gd") | (outcomes["seed"] == 0)]
    ratios = performance_ratios(results._replace(outcomes=single), "default")
    assert {len(own) for own in ratios.values()} == {10}


def test_what_is_not_compared_has_no_curve(results):
    """And no say in what is the fewest."""
    groups = results.groups[results.groups["optimizer"] != "gd"]
    ratios = performance_ratios(results._replace(groups=groups), "tuned")
    assert "gd" not in ratios
    assert len(ratios) == 6


def test_the_ratios_are_to_all_entrants_in_a_crowd(make_results):
    """Those who find no room in the figure were there all the same."""
    crowd = make_results(
        problems=("quadratic",), optimizers=[f"o{i}" for i in range(25)], seeds=1, tracks=("default",)
    )
    assert len(performance_ratios(crowd, "default")) == 25
    assert set(draw(crowd, "quadratic")) == {"plots/profile.png", "plots/profile.svg"}


def test_nothing_compared_is_nothing_to_draw(make_results):
    """Without an optimum there is no success."""
    assert pieces(make_results(problems=("open",), without_optimum=("open",))) == []


def _words(svg):
    return " ".join(svg.decode().split())
