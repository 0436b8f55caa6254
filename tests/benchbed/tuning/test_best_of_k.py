"""The expected best of k equals the average over all subsets of size k."""

import itertools
import math

import numpy as np
import pytest

from benchbed.tuning.best_of_k import best_of_k_curves, expected_best_of_k, rank_probabilities
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import Outcome


def brute_force(scores, gaps, distances):
    """Average over every subset and every seed left out, each with the setting that the rule of the selection takes."""
    settings, seeds = scores.shape
    expected = []
    for k in range(1, settings + 1):
        scores_of_best = []
        for left_out in range(seeds):
            means = np.delete(scores, left_out, axis=1).mean(axis=1)
            of_others = [sorted(gap for seed, gap in enumerate(row) if seed != left_out) for row in gaps]
            medians = [ordered[(len(ordered) - 1) // 2] for ordered in of_others]
            keys = [
                (-round(mean, 12), median, distance, position)
                for position, (mean, median, distance) in enumerate(
                    zip(means, medians, distances, strict=True)
                )
            ]
            for subset in itertools.combinations(range(settings), k):
                scores_of_best.append(scores[min(subset, key=lambda setting: keys[setting]), left_out])
        expected.append(np.mean(scores_of_best))
    return np.array(expected)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_it_equals_all_subsets(seeds, share):
    """Seven settings have 127 subsets; a share of the scores is 0, gaps and distances tie, and some gaps are +inf."""
    generator = np.random.default_rng(seeds)
    scores = np.round(generator.random((7, seeds)), 1) * (generator.random((7, seeds)) >= share)
    gaps = np.round(generator.random((7, seeds)), 1)
    gaps[generator.random((7, seeds)) < 0.3] = math.inf
    distances = [0.5, 1.0, 0.5, 0.0, 2.0, 0.0, 0.0]
    expected = brute_force(scores, gaps, distances)
    np.testing.assert_allclose(expected_best_of_k(scores, gaps, distances), expected, rtol=1e-12)


def of_scores(scores):
    """Return the expected best of k of settings with equal gaps and rates."""
    return expected_best_of_k(scores, np.ones(scores.shape), np.zeros(len(scores)))


def test_it_equals_sampling_for_many_settings():
    """20 000 random subsets of 8 of 64 settings have the same mean within 5 standard errors."""
    generator = np.random.default_rng(0)
    scores = generator.random((64, 1)) + 0.2 * generator.random((64, 4))
    ranked = [np.argsort(-np.delete(scores, seed, axis=1).mean(axis=1)) for seed in range(4)]
    samples = np.empty(20_000)
    for number in range(len(samples)):
        subset, seed = set(generator.choice(64, 8, replace=False).tolist()), number % 4
        samples[number] = scores[next(setting for setting in ranked[seed] if setting in subset), seed]
    error = samples.std() / math.sqrt(len(samples))
    assert abs(of_scores(scores)[7] - samples.mean()) < 5 * error


def test_the_best_of_all_settings_is_scored_on_the_seed_left_out():
    """With k = n the result is the mean of the winners' scores."""
    scores = np.array([[1.0, 0.0], [0.4, 0.5]])
    # Without seed 0, setting 1 leads (0.5 > 0.0) and scores 0.4; without seed 1, setting 0 leads and scores 0.0.
    assert of_scores(scores)[-1] == pytest.approx(0.2)


def test_probabilities_are_exact():
    """The best of 2 among 4 has rank 1, 2, 3 in 3, 2 and 1 of the 6 pairs."""
    np.testing.assert_allclose(rank_probabilities(4)[1], [3 / 6, 2 / 6, 1 / 6, 0], rtol=1e-12)
    np.testing.assert_allclose(rank_probabilities(64).sum(axis=1), 1, rtol=1e-12)


def test_with_one_seed_the_result_is_unknown():
    """No seed can be left out."""
    assert np.isnan(of_scores(np.ones((3, 1)))).all()


def test_it_is_not_better_than_the_winner_on_unseen_seeds():
    """400 searches of 64 settings, equal or not, have no upward bias beyond four standard errors."""
    generator = np.random.default_rng(1)
    for spread in (0.0, 0.1):
        excess = []
        for _ in range(400):
            quality = 0.3 + spread * generator.random(64)
            tuning = quality[:, None] + 0.1 * generator.standard_normal((64, 5))
            winner = quality[tuning.mean(axis=1).argmax()]
            evaluation = winner + 0.1 * generator.standard_normal(20).mean()
            excess.append(of_scores(tuning)[-1] - evaluation)
        error = np.std(excess) / math.sqrt(len(excess))
        assert np.mean(excess) < 4 * error
        # The best tuning score, which most suites report, has a bias that this test would find.
        assert (tuning.mean(axis=1).max() - winner) > 4 * error


@pytest.fixture
def search(plan_of):
    """Return a function that plans a search of one optimizer and invents the scores of its tuning trials."""

    def run(problem, scores, gaps=None):
        plan = plan_of((problem,), tracks=("searched",))
        (pairing,) = plan.pairings()
        (entrant,) = pairing.entrants
        state = PairingState(plan, pairing)
        gaps = np.ones(scores.shape) if gaps is None else gaps
        outcomes = {
            key: Outcome("exhausted", score, gap)
            for setting, *of_setting in zip(entrant.searched(), scores, gaps, strict=True)
            for key, score, gap in zip(state.trial_keys(entrant, setting, "tuning"), *of_setting, strict=True)
        }
        return best_of_k_curves([state._replace(outcomes=outcomes)])

    return run


def test_the_best_of_k_of_a_deterministic_problem_is_exact(search):
    """The mean of the best of k: over all settings for k = 1, over all pairs for 2, the best score for k = n."""
    scores = np.array([0.1, 0.8, 0.3, 0.3, 0.0, 0.6, 0.2, 0.5])
    curve = search("quadratic[start=2]", scores[:, None])
    pairs = list(map(max, itertools.combinations(scores, 2)))
    assert curve["k"].tolist() == list(range(1, 9))
    assert curve["score"].iloc[[0, 1, -1]].tolist() == pytest.approx([scores.mean(), np.mean(pairs), 0.8])


def test_each_setting_is_scored_on_a_seed_that_did_not_choose_it(search):
    """The second seed chooses setting 1, which scores 0.1 on the first; the first chooses 0, with 0 on the second."""
    scores = np.zeros((8, 2))
    scores[:2] = [[1.0, 0.0], [0.1, 0.3]]
    assert search("quadratic", scores)["score"].iloc[-1] == pytest.approx(0.05)


def test_the_winner_of_all_settings_is_the_one_that_is_selected(search):
    """Equal scores leave the choice to the gaps on the seeds that rank."""
    scores, gaps = np.zeros((8, 2)), np.ones((8, 2))
    # Seed 0 chooses setting 6 by its gap, and seed 1 by its score.
    scores[6], gaps[6] = [0.0, 0.4], [0.5, 2.0]
    assert search("quadratic", scores, gaps)["score"].iloc[-1] == pytest.approx((0.0 + 0.4) / 2)


def test_an_unfinished_search_has_no_curve(plan_of):
    """Neither does a plan without searches."""
    for tracks in (("searched",), ("default",)):
        plan = plan_of(tracks=tracks)
        assert best_of_k_curves(PairingState(plan, pairing) for pairing in plan.pairings()).empty
