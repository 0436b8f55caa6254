"""Paired tests of the optimizers of a study against those of reference studies (protocol, rule 11)."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import NO_MEAN_TRACK, RowLabels, comparable_values
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
    seeds are not those of the study, or if its trials do not depend on them.
    """
    stored = _stored_scores(references)
    if not stored:
        return pd.DataFrame(columns=COMPARISON_COLUMNS)
    names = dict.fromkeys(optimizer for _, optimizer, _ in stored)
    selection = {labels: np.array(row.tuning) for labels, row in stored.items() if row.tuning}
    study = ComparedStudy(
        pd.concat([results.summary, _rows(stored, results.summary)], ignore_index=True),
        pd.concat([results.outcomes, _trials(stored)], ignore_index=True),
        compared_problems(plan),
        {**results.shifts, **selection_shifts(selection, plan.problems)},
    )
    tables = study._replace(summary=results.summary).tables()
    rows = []
    for track, (table, problems) in itertools.product(
        dict.fromkeys(results.summary["track"]), tables.items()
    ):
        if track == NO_MEAN_TRACK and table not in results.problems:
            continue
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


def _stored_scores(references: Sequence[MatchedReference]) -> dict[RowLabels, ReferenceScores]:
    """Return the scores of the rows that compare, by problem, name beside other studies, and track."""
    return {
        (row.problem, reference.study.label(row.optimizer), row.track): row
        for reference in references
        for row in reference.study.scores
        if row.problem in reference.problems and row.optimizer in reference.optimizers
    }


def _rows(stored: Mapping[RowLabels, ReferenceScores], summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the summary that decide whether scores compare."""
    frame = pd.DataFrame(stored.keys(), columns=["problem", "optimizer", "track"])
    scores = [float(np.mean(row.evaluation)) if row.evaluation else np.nan for row in stored.values()]
    return frame.assign(score=scores, skipped=0, notes=pd.Series([()] * len(frame))).astype(
        summary.dtypes[["score", "skipped", "notes"]]
    )


def _trials(stored: Mapping[RowLabels, ReferenceScores]) -> pd.DataFrame:
    """Return a row for each trial."""
    rows = [
        (*labels, seed, score) for labels, row in stored.items() for seed, score in enumerate(row.evaluation)
    ]
    return pd.DataFrame(rows, columns=["problem", "optimizer", "track", "seed", "score"])
