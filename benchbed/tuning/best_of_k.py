"""Expected score of the best of k tried settings, without selection bias (protocol, rule 9)."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.special import gammaln

from benchbed.tuning.candidates import PairingState
from benchbed.tuning.selection import rank_points, scores_and_gaps

COLUMNS = ["problem", "optimizer", "k", "score"]


def best_of_k_curves(states: Iterable[PairingState]) -> pd.DataFrame:
    """Compute the expected best-of-k score, one row a k, of every search whose tuning trials have all finished."""
    curves = []
    for state in states:
        problem = state.pairing.problem
        if "searched" not in state.plan.tracks or not problem.is_scored:
            continue
        for entrant in state.pairing.entrants:
            settings = state.settings_tried(entrant, "searched")
            outcomes = state.tuning_outcomes(entrant, settings)
            if not outcomes:
                continue
            scores, gaps = scores_and_gaps(outcomes)
            if scores.shape[1] == 1 and problem.is_deterministic_for(entrant):
                # The seed left out equals the seed that ranks.
                scores, gaps = scores.repeat(2, axis=1), gaps.repeat(2, axis=1)
            k = np.arange(1, len(scores) + 1)
            labels = {"problem": problem.label, "optimizer": entrant.label}
            expected = expected_best_of_k(scores, gaps, state.rate_distances(settings))
            curves.append(pd.DataFrame({**labels, "k": k, "score": expected}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=COLUMNS)


def expected_best_of_k(scores: np.ndarray, gaps: np.ndarray, distances: Sequence[float]) -> np.ndarray:
    """Compute the expected score of the best of k settings, k = 1 … settings, from `scores: [settings, seeds]`.

    For each seed in turn the settings are ranked on all other seeds as the selection ranks them (`rank_points`, with
    final `gaps: [settings, seeds]` and the `distances` of rates), and scored on the seed left out; the average over
    seeds assigns a score to every rank. The best of k settings drawn without replacement has rank r (from 1) with
    probability C(n−r, k−1) / C(n, k). NaN with one seed.

    Source: J. Dodge et al. (2019), Show Your Work, section 3, arXiv:1909.03004, for the weights, here without
    replacement.
    Deviation: one seed is left out, because the maximum over the scores that it was selected by is biased.
    """
    settings, seeds = scores.shape
    if seeds < 2:
        return np.full(settings, np.nan)
    ranked = [
        scores[rank_points(np.delete(scores, seed, axis=1), np.delete(gaps, seed, axis=1), distances), seed]
        for seed in range(seeds)
    ]
    return np.asarray(rank_probabilities(settings) @ np.mean(ranked, axis=0))


def rank_probabilities(settings: int) -> np.ndarray:
    """Compute the probability that the best of k settings has rank r, `[k, r]`; each row sums to 1."""
    k = np.arange(1, settings + 1)[:, None]
    r = np.arange(1, settings + 1)[None, :]
    is_possible = settings - r >= k - 1
    worse = np.where(is_possible, settings - r, k - 1)
    logarithm = _log_choose(worse, k - 1) - _log_choose(settings, k)
    return np.where(is_possible, np.exp(logarithm), 0.0)


def _log_choose(n: np.ndarray | int, k: np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(np.asarray(n) + 1) - gammaln(k + 1) - gammaln(np.asarray(n) - k + 1))
