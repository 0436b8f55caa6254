"""Read off a study what its searches found."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from benchbed.plan import EntrantPlan, Pairing, Plan
from benchbed.tuning.best_of_k import expected_best_of_k
from benchbed.tuning.candidates import Known, keys_of, settings_tried

COLUMNS = ["problem", "optimizer", "k", "score"]


def best_of_k_of(plan: Plan, pairings: Iterable[Pairing], known: Known) -> pd.DataFrame:
    """Give the expected best-of-k score, a row each k, of every search whose trials are all known."""
    if "searched" not in plan.tracks:
        return pd.DataFrame(columns=COLUMNS)
    parts = [
        _curve(pairing, entrant, expected_best_of_k(scores))
        for pairing in pairings
        if pairing.problem.has_optimum
        for entrant in pairing.entrants
        if (scores := _scores(plan, pairing, entrant, known)) is not None
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _curve(pairing: Pairing, entrant: EntrantPlan, expected: np.ndarray) -> pd.DataFrame:
    k = np.arange(1, len(expected) + 1)
    labels = {"problem": pairing.problem.label, "optimizer": entrant.label}
    return pd.DataFrame({**labels, "k": k, "score": expected}, columns=COLUMNS)


def _scores(plan: Plan, pairing: Pairing, entrant: EntrantPlan, known: Known) -> np.ndarray | None:
    settings = settings_tried(plan, pairing, entrant, "searched", known)
    keys = [keys_of(plan, pairing, entrant, setting, "tuning") for setting in settings]
    if not keys or not all(key in known for of_setting in keys for key in of_setting):
        return None
    scores = np.array([[known[key].score for key in of_setting] for of_setting in keys])
    # Where nothing depends on the seed, the one left out equals the one that ranks.
    return scores.repeat(2, axis=1) if pairing.problem.is_deterministic_for(entrant) else scores
