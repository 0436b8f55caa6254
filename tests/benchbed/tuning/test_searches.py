"""What a search found, read off its trials."""

import numpy as np
import pytest

from benchbed.tuning.candidates import keys_of
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.searches import best_of_k_of


@pytest.fixture
def searched(plan_of):
    """Give a function that plans a search of one optimizer, and makes up its tuning trials' scores."""

    def make(problem, scores):
        plan = plan_of((problem,), tracks=("searched",))
        (pairing,) = plan.pairings()
        (entrant,) = pairing.entrants
        known = {
            key: Outcome("exhausted", score, 1.0)
            for setting, of_setting in zip(entrant.searched(), scores, strict=True)
            for key, score in zip(keys_of(plan, pairing, entrant, setting, "tuning"), of_setting, strict=True)
        }
        return best_of_k_of(plan, plan.pairings(), known)

    return make


def test_where_nothing_depends_on_the_seed_the_best_of_k_is_exact(searched):
    """The mean of the best of k: of all settings for k = 1, the weighted ranks for 2, the best for k = n."""
    scores = np.array([0.1, 0.8, 0.3, 0.3, 0.0, 0.6, 0.2, 0.5])
    found = searched("quadratic[start=2]", scores[:, None])
    pairs = [max(one, other) for place, one in enumerate(scores) for other in scores[place + 1 :]]
    assert found["k"].tolist() == list(range(1, 9))
    assert found["score"].iloc[[0, 1, -1]].tolist() == pytest.approx([scores.mean(), np.mean(pairs), 0.8])


def test_elsewhere_each_setting_is_scored_on_a_seed_that_did_not_choose_it(searched):
    """The second seed chooses setting 1, which scores 0.1 on the first; the first chooses 0, with 0 on the second."""
    scores = np.zeros((8, 2))
    scores[:2] = [[1.0, 0.0], [0.1, 0.3]]
    assert searched("quadratic", scores)["score"].iloc[-1] == pytest.approx(0.05)
