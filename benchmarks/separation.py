"""Separation of the problems of studies, and agreement of studies with different seeds.

`python benchmarks/separation.py STUDY …`, on folders of one suite that ran with different `--seed`. Of the track
`tuned` it prints, for each problem, the highest score, the spread among optimizers, and the share of optimizers that
reach the success target in half of their trials; for each group, the share of study pairs with the same leader; and the
share of significant differences of a study whose sign is the opposite in another. The exit status is 1 if a problem's
highest score is not between 0.3 and 0.9, its spread is below 0.1, all or none succeed, or over 3 % of the signs differ.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

import benchbed
from benchbed.interfaces import ALL_PROBLEMS, Results

TRACK = "tuned"
HIGHEST, SPREAD, REVERSED = (0.3, 0.9), 0.1, 0.03


def separations(studies: Sequence[Results]) -> Iterator[tuple[str, float, float, float]]:
    """Yield problem, highest score, spread and share of successful optimizers, each averaged over the studies."""
    for problem in studies[0].problems:
        figures = []
        for results in studies:
            rows = results.summary[
                (results.summary["problem"] == problem) & (results.summary["track"] == TRACK)
            ]
            scores = rows["score"].dropna()
            succeeds = (rows["success_rate"] >= 0.5).mean()
            figures.append((scores.max(), scores.max() - scores.min(), succeeds))
        yield problem, *np.mean(figures, axis=0).tolist()


def leader_agreement(studies: Sequence[Results]) -> dict[str, float]:
    """Return, for each group and for all problems, the share of study pairs with the same highest mean score."""
    agreement = {}
    for group in dict.fromkeys(studies[0].overall["group"]):
        leaders = []
        for results in studies:
            rows = results.overall[(results.overall["group"] == group) & (results.overall["track"] == TRACK)]
            leaders.append(rows.loc[rows["score"].idxmax(), "optimizer"])
        pairs = list(itertools.combinations(leaders, 2))
        agreement["all problems" if group == ALL_PROBLEMS else group] = float(
            np.mean([a == b for a, b in pairs])
        )
    return agreement


def reversals(studies: Sequence[Results]) -> tuple[int, int]:
    """Return how many significant differences have the opposite sign in another study, and how many were looked up."""
    keys = ["problem", "first", "second"]
    frames = [
        results.comparisons[(results.comparisons["track"] == TRACK)].set_index(keys) for results in studies
    ]
    opposite = compared = 0
    for one, other in itertools.permutations(frames, 2):
        significant = one[one["is_apart"].astype(bool)]
        signs = np.sign(significant["difference"].astype(float))
        theirs = np.sign(other["difference"].astype(float)).reindex(signs.index).dropna()
        compared += len(theirs)
        opposite += int((theirs == -signs.reindex(theirs.index)).sum())
    return opposite, compared


def main() -> None:
    """Print the figures of the studies named on the command line."""
    studies = [benchbed.load(folder).results for folder in sys.argv[1:]]
    if not studies:
        sys.exit("name the folders of one or more studies")
    is_within = True
    rows = pd.DataFrame(separations(studies), columns=["problem", "highest", "spread", "successful"])
    for row in rows.itertuples():
        is_good = HIGHEST[0] <= row.highest <= HIGHEST[1] and row.spread >= SPREAD and 0 < row.successful < 1
        is_within &= is_good
        verdict = "" if is_good else "  OUTSIDE"
        print(
            f"{row.problem:<40} highest {row.highest:.3f}, spread {row.spread:.3f}, "
            f"{100 * row.successful:.0f} % succeed{verdict}"
        )
    if len(studies) > 1:
        for group, share in leader_agreement(studies).items():
            print(f"{group:<40} same leader in {100 * share:.0f} % of the study pairs")
        opposite, compared = reversals(studies)
        is_within &= opposite <= REVERSED * compared
        print(f"{opposite} of {compared} significant differences have the opposite sign in another study")
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
