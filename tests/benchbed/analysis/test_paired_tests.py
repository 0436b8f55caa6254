"""Pairs of optimizers are compared within bounded memory, with the same numbers."""

import numpy as np
import pytest

from benchbed.analysis import paired_tests
from benchbed.analysis.intervals import TIE, bootstrap_limits, expanded_tail
from benchbed.analysis.pairwise_tests import compare
from benchbed.analysis.strata import Sampling, samples_of

SAMPLINGS = [Sampling("a", start_strata=2), Sampling("b")]


def scores_of(optimizers, seeds):
    """Draw scores on two problems; one optimizer has a single score on one of them."""
    generator = np.random.default_rng([7, optimizers, seeds])
    scores = {str(index): list(generator.random((2, seeds)).round(1)) for index in range(optimizers)}
    return scores | {"single": [generator.random(seeds), np.array([0.5])]}


def test_pairs_are_compared_some_at_a_time(monkeypatch):
    """The numbers are equal to the bit."""
    scores = scores_of(6, 12)
    together = compare(scores, samplings=SAMPLINGS)
    monkeypatch.setattr(paired_tests, "_MOST_NUMBERS", 4 * paired_tests.DRAWS)
    assert paired_tests.PairedScores(list(zip(*scores.values(), strict=True)), SAMPLINGS).pairs_at_once == 4
    assert repr(compare(scores, samplings=SAMPLINGS)) == repr(together)


def test_with_many_seeds_the_resampled_means_of_optimizers_are_subtracted(monkeypatch):
    """Resamples are linear, so that the limits are those of the differences, up to rounding."""
    scores = scores_of(4, 40)
    few = compare(scores, samplings=SAMPLINGS)
    calls = []
    monkeypatch.setattr(paired_tests, "bootstrap_limits", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(paired_tests, "_MANY_SEEDS", 10)
    many = compare(scores, samplings=SAMPLINGS)
    assert not calls
    for before, after in zip(few, many, strict=True):
        assert (after.low, after.high) == (
            pytest.approx(before.low, abs=1e-12),
            pytest.approx(before.high, abs=1e-12),
        )
        assert after._replace(low=before.low, high=before.high) == before


@pytest.mark.parametrize("most_seeds", [10, 100])
def test_scores_that_tie_have_limits_of_no_width(most_seeds, monkeypatch):
    """Differences below `TIE` are 0, in the limits too, with many seeds and with few; a shift moves both alike."""
    monkeypatch.setattr(paired_tests, "_MANY_SEEDS", most_seeds)
    scores = scores_of(1, 40)
    noise = np.random.default_rng(0).uniform(-TIE / 2, TIE / 2, (2, 40))
    scores["tied"] = [of_problem + of_noise for of_problem, of_noise in zip(scores["0"], noise, strict=True)]
    pairs = [("0", "tied")]
    (pair,) = compare(scores, samplings=SAMPLINGS, pairs=pairs)
    assert (pair.difference, pair.low, pair.high, pair.p_value) == (0, 0, 0, 1)
    shift = np.random.default_rng(1).choice([-0.25, 0.25], paired_tests.DRAWS)
    (pair,) = compare(scores, samplings=SAMPLINGS, pairs=pairs, shifts={"0": shift}, tuning_seeds=6)
    assert (pair.low, pair.high) == (-0.25, 0.25)


def test_limits_of_many_seeds_are_those_of_a_resample_of_each_pair():
    """2 000 seeds, by a loop over the resamples."""
    generator = np.random.default_rng(3)
    first, second = generator.random((2, 2_000))
    (pair,) = compare({"a": [first], "b": [second]})
    resamples = np.random.default_rng([10, 2_000, 0])
    means = []
    for _ in range(2_000):
        weights = resamples.multinomial(2_000, np.full(2_000, 1 / 2_000)) / 2_000
        means.append(weights @ (first - second))
    tail = expanded_tail(2_000)
    assert (pair.low, pair.high) == pytest.approx(np.quantile(means, [tail, 1 - tail]), abs=1e-12)
    expected = bootstrap_limits(samples_of([(first - second)[None]]))
    assert (pair.low, pair.high) == pytest.approx([float(limit[0]) for limit in expected], abs=1e-12)
