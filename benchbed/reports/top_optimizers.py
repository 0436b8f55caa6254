"""Keep a figure legible when a study has more optimizers than colours can tell apart."""

import pandas as pd

from benchbed.interfaces.results import Results

MOST = 24
"""Optimizers that one figure shows at most."""


def thinned(results: Results) -> tuple[Results, str]:
    """Give the results of the best `MOST` optimizers, in the order of the plan, and a note that says so.

    The best have the highest mean score over problems and tracks, then the smallest median gap. Tables leave out
    nobody.
    """
    if len(results.optimizers) <= MOST:
        return results, ""
    merits = results.summary.groupby("optimizer", sort=False).agg(
        score=("score", "mean"), gap=("gap", "median")
    )
    best = set(merits.sort_values(["score", "gap"], ascending=[False, True], kind="stable").index[:MOST])
    kept = tuple(name for name in results.optimizers if name in best)
    outcomes, tuning, summary = (
        _of(frame, best) for frame in (results.outcomes, results.tuning, results.summary)
    )
    curves = results.curves[results.curves["trial_key"].isin(outcomes["trial_key"])]
    note = (
        f"the {MOST} best of {len(results.optimizers)} optimizers by mean score; the tables have all of them"
    )
    best_of_k = _of(results.best_of_k, best)
    thin = results._replace(
        optimizers=kept, outcomes=outcomes, tuning=tuning, summary=summary, curves=curves, best_of_k=best_of_k
    )
    return thin, note


def _of(frame: pd.DataFrame, optimizers: set[str]) -> pd.DataFrame:
    return frame[frame["optimizer"].isin(optimizers)]
