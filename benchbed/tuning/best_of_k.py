"""Say how good the best of k tried settings is on average, without the optimism of having looked (protocol, rule 9)."""

import numpy as np
from scipy.special import gammaln


def expected_best_of_k(scores: np.ndarray) -> np.ndarray:
    """Give the expected score of the best of k settings, k = 1 … settings, from `scores: [settings, seeds]`.

    For each seed in turn the settings are ranked by their mean score on all other seeds, equal means in the order of
    the settings, and scored on the seed left out; the average over seeds gives a score to every rank. The best of k
    settings drawn without replacement has rank r (from 1) with probability C(n−r, k−1) / C(n, k). NaN with one seed.

    Source: the exact weights: Dodge et al. (2019), Show Your Work, section 3, arXiv:1909.03004, without replacement;
    the seed left out, because the minimum over tries is biased.
    """
    settings, seeds = scores.shape
    if seeds < 2:
        return np.full(settings, np.nan)
    others = (scores.sum(axis=1, keepdims=True) - scores) / (seeds - 1)
    # Rounding in a difference of sums must not rank equal settings.
    order = np.argsort(-np.round(others, 12), axis=0, kind="stable")
    of_rank = np.take_along_axis(scores, order, axis=0).mean(axis=1)
    return np.asarray(rank_probabilities(settings) @ of_rank)


def rank_probabilities(settings: int) -> np.ndarray:
    """Give the probability that the best of k settings has rank r, `[k, r]`; each row sums to 1."""
    k = np.arange(1, settings + 1)[:, None]
    r = np.arange(1, settings + 1)[None, :]
    possible = settings - r >= k - 1
    left = np.where(possible, settings - r, k - 1)
    logarithm = _log_choose(left, k - 1) - _log_choose(settings, k)
    return np.where(possible, np.exp(logarithm), 0.0)


def _log_choose(n: np.ndarray | int, k: np.ndarray) -> np.ndarray:
    return np.asarray(gammaln(np.asarray(n) + 1) - gammaln(k + 1) - gammaln(np.asarray(n) - k + 1))
