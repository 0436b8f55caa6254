"""Limit of the number of optimizers in one plot."""

import pandas as pd

from benchbed.interfaces.results import Results

MOST = 24
"""Largest number of optimizers in one plot."""


def limit_optimizers(results: Results) -> tuple[Results, str]:
    """Return the results of the best `MOST` optimizers in the order of the plan, and a note if some were left out.

    The best have the highest mean score over problems and tracks, then the smallest median gap. Tables contain all.
    """
    if len(results.optimizers) <= MOST:
        return results, ""
    means = results.summary.groupby("optimizer", sort=False).agg(
        score=("score", "mean"), gap=("gap", "median")
    )
    best = set(means.sort_values(["score", "gap"], ascending=[False, True], kind="stable").index[:MOST])

    def rows_of_best(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["optimizer"].isin(best)]

    outcomes = rows_of_best(results.outcomes)
    limited = results._replace(
        optimizers=tuple(name for name in results.optimizers if name in best),
        outcomes=outcomes,
        tuning=rows_of_best(results.tuning),
        summary=rows_of_best(results.summary),
        curves=results.curves[results.curves["trial_key"].isin(outcomes["trial_key"])],
        best_of_k=rows_of_best(results.best_of_k),
    )
    return limited, (
        f"Only the {MOST} best of {len(results.optimizers)} optimizers by mean score; the tables contain all of them."
    )
