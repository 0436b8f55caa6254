"""Expected score of the best of k tried settings, without selection bias (protocol, rule 9)."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.special import gammaln

from benchbed.tuning.candidates import PairingState

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
            scores = np.array([[outcome.score for outcome in of_setting] for of_setting in outcomes])
            if scores.shape[1] == 1 and problem.is_deterministic_for(entrant):
                scores = scores.repeat(2, axis=1)  # the seed left out equals the seed that ranks
            k = np.arange(1, len(scores) + 1)
            labels = {"problem": problem.label, "optimizer": entrant.label}
            curves.append(pd.DataFrame({**labels, "k": k, "score": expected_best_of_k(scores)}))
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=COLUMNS)


def expected_best_of_k(scores: np.ndarray) -> np.ndarray:
    """Compute the expected score of the best of k settings, k = 1 … settings, from `scores: [settings, seeds]`.

    For each seed in turn the settings are ranked by their mean score on all other seeds, equal means in the order of
    the settings, and scored on the seed left out; the average over seeds assigns a score to every rank. The best of k
    settings drawn without replacement has rank r (from 1) with probability C(n−r, k−1) / C(n, k). NaN with one seed.

    Source: J. Dodge et al. (2019), Show Your Work, section 3, arXiv:1909.03004, for the weights, here without
    replacement.
    Deviation: one seed is left out, because the maximum over the scores that it was selected by is biased.
    """
    settings, seeds = scores.shape
    if seeds < 2:
        return np.full(settings, np.nan)
    mean_on_others = (scores.sum(axis=1, keepdims=True) - scores) / (seeds - 1)
    # Rounding errors in a difference of sums must not rank equal settings.
    order = np.argsort(-np.round(mean_on_others, 12), axis=0, kind="stable")
    of_rank = np.take_along_axis(scores, order, axis=0).mean(axis=1)
    return np.asarray(rank_probabilities(settings) @ of_rank)


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
