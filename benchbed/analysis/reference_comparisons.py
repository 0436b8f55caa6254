"""Paired tests of the optimizers of a study against those of reference studies (protocol, rule 11)."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import RowLabels, comparable_values
from benchbed.analysis.pairwise_tables import COMPARISON_COLUMNS, ComparedStudy, compared_problems
from benchbed.analysis.selection_shifts import selection_shifts
from benchbed.interfaces import Results
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceScores
from benchbed.plan import Plan


def compare_with_references(
    results: Results, references: Sequence[MatchedReference], plan: Plan
) -> pd.DataFrame:
    """Compare each optimizer of a study with each of the references, in every table of the study.

    The tests are those of optimizers of one study: paired by seed, with the choice of the setting. p values are
    adjusted over the pairs of a table, which contain none of two optimizers of the study. A row is not compared if its
    seeds are not those of the study, or if its trials do not depend on them, and problems without a score have no
    pairs: their final objectives are not stored by seed.
    """
    stored: dict[RowLabels, ReferenceScores] = {
        (row.problem, reference.study.label(row.optimizer), row.track): row
        for reference in references
        for row in reference.study.scores
        if row.problem in reference.problems
        and row.optimizer in reference.optimizers
        # A row with other seeds would exclude all rows that lack them.
        and len(row.evaluation) == plan.evaluation_seeds
    }
    if not stored:
        return pd.DataFrame(columns=COMPARISON_COLUMNS)
    labels = ["problem", "optimizer", "track"]
    trials = pd.DataFrame(
        [
            (*row, seed, score)
            for row, of_row in stored.items()
            for seed, score in enumerate(of_row.evaluation)
        ],
        columns=[*labels, "seed", "score"],
    )
    means = trials.groupby(labels, sort=False, as_index=False)["score"].mean()
    summary = means.assign(skipped=0, notes=pd.Series([()] * len(means)))
    names = dict.fromkeys(optimizer for _, optimizer, _ in stored)
    selection = {row: np.array(of_row.tuning) for row, of_row in stored.items() if of_row.tuning}
    study = ComparedStudy(
        pd.concat([results.summary, summary], ignore_index=True),
        pd.concat([results.outcomes, trials], ignore_index=True),
        compared_problems(plan),
        {**results.shifts, **selection_shifts(selection, plan.problems)},
    )
    rows = []
    for track, table, problems in study._replace(summary=results.summary).tables():
        scores = comparable_values(study.summary, study.outcomes, track, problems)
        own, others = (
            [name for name in scores if (name in names) == is_stored] for is_stored in (False, True)
        )
        pairs = [*itertools.product(own, others)]
        compared = study.compare_scores(track, problems, scores, pairs=pairs)
        rows += [
            {"problem": table, "track": track, "measure": compared.measure, **comparison._asdict()}
            for comparison in compared.comparisons
        ]
    return pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
