"""A table of text converts its symbols to ASCII, and is written with escaped cells."""

import pandas as pd

from benchbed.reports.tables.table import TextTable, latex, markdown

CELLS = pd.DataFrame({"optimizer": ["a–b", "x|y"], "score": ["0.500", "–"], "µs": ["∞", "1"]})
TABLE = TextTable("p", "p: gap ≤ 0.1", CELLS, is_best=[True, False], notes=[("1…2",), ()])


def test_symbols_become_ascii():
    """Names are unchanged."""
    table = TABLE.to_ascii()
    assert table.title == "p: gap <= 0.1"
    assert table.notes == [("1...2",), ()]
    assert table.cells.to_dict("list") == {
        "optimizer": ["a–b", "x|y"],
        "score": ["0.500", "-"],
        "us": ["inf", "1"],
    }


def test_without_a_score_objectives_are_marked():
    """Also in ASCII. A table without objectives marks its scores."""
    unscored = TABLE._replace(cells=CELLS.assign(score="–", objective=["1", "2"]))
    assert [table.marked_column for table in (unscored, unscored.to_ascii())] == ["objective"] * 2
    assert TABLE._replace(cells=CELLS.assign(score="–")).marked_column == "score"


def test_marked_scores_are_bold_or_starred():
    """Numbers are not reformatted, and cells are escaped."""
    assert "**0.500**" in markdown([TABLE])
    assert r"x\|y" in markdown([TABLE])
    assert "0.500* &" in latex([TABLE])
