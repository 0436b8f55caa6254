"""The page of a comparison: the changes, and the results of the second study with those of the first in grey."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchbed.formatting import fixed, plural, short
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.reference_studies import MatchedReference
from benchbed.reports.page import Changes, render
from benchbed.reports.page.tables import PageCell, PageRow, PageTable, interval_positions, text_cells
from benchbed.store import StudyFolder
from benchbed.store.files import write_atomically
from benchbed.study.change_tables import describe_interval, describe_problem, footnote, is_significant, signed
from benchbed.study.compare import Change
from benchbed.study.model import Study
from benchbed.study.provenance import provenance_of
from benchbed.study.reference_studies import reference_of

_HEADERS = ("optimizer", "track", "problem", "before", "after", "difference", "adjusted p", "significant")
_MOST_LISTED = 5
"""Significant changes in the conclusion."""


def write_page(
    path: Path, first: Study, second: Study, changes: Sequence[Change], notes: Sequence[str]
) -> None:
    """Write the page of the changes between two studies. Raises: StudyFolderError if it cannot be written."""
    names = [study.path.resolve().name for study in (first, second)]
    if names[0] == names[1]:
        names = [str(study.path) for study in (first, second)]
    reference = MatchedReference(
        reference_of(first, names[0]),
        tuple(dict.fromkeys(change.problem for change in changes if change.problem != ALL_PROBLEMS)),
        tuple(dict.fromkeys(change.optimizer for change in changes)),
    )
    provenance = provenance_of(second.plan, StudyFolder(second.path))
    results = second.results._replace(
        references=(reference,),
        provenance=provenance._replace(study=f"{names[1]} compared with {names[0]}"),
    )
    table = change_table(changes, results.optimizers, f"Differences of scores, {names[1]} minus {names[0]}")
    remarks = [f"{text[:1].upper()}{text[1:]}." for text in (footnote(changes, mark=""), *notes)]
    significant = sorted(filter(is_significant, changes), key=lambda change: -abs(change.difference))
    largest = "; ".join(
        f"{change.optimizer} on the {change.track} track, {describe_problem(change.problem)}: "
        f"{signed(change.difference)} {describe_interval(change)}"
        for change in significant[:_MOST_LISTED]
    )
    lead = f"{len(significant) or 'None'} of {plural(len(changes), 'score')} changed significantly since {names[0]}."
    conclusion = lead, f"The largest changes: {largest}." if largest else ""
    content = render(results, Changes([conclusion], table, remarks))
    write_atomically(path, content, "choose a writable file with --page")


def change_table(changes: Sequence[Change], optimizers: Sequence[str], title: str) -> PageTable:
    """Build the table of changes, with the 95 % limits of the differences; `optimizers` are those of the study."""
    limits = np.array([(change.low, change.difference, change.high) for change in changes])
    rows = []
    for change, positions in zip(changes, interval_positions(limits), strict=True):
        cells = [
            *text_cells(change.optimizer, change.track, describe_problem(change.problem)),
            PageCell(fixed(change.before, 3)),
            PageCell(fixed(change.after, 3)),
            PageCell(f"{signed(change.difference)} {describe_interval(change)}", is_significant(change)),
            PageCell(short(change.adjusted_p, 2)),
            PageCell("yes" if is_significant(change) else "no", is_text=True),
        ]
        rows.append(PageRow(str(optimizers.index(change.optimizer)), change.track, cells, positions))
    return PageTable(title, _HEADERS, rows)
