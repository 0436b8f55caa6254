"""A table of text selects columns, converts its symbols to ASCII, and is written with escaped cells."""

from benchbed.reports.tables.table import TableColumn, TableRow, TextTable, latex, markdown

TABLE = TextTable(
    "p",
    "p: gap ≤ 0.1",
    (TableColumn("optimizer", "left"), TableColumn("score"), TableColumn("success"), TableColumn("µs")),
    (
        TableRow(("a–b", "0.500", "", "∞"), is_best=True),
        TableRow(("x|y", "–", "", "1")),
    ),
)


def test_columns_without_values_are_removed():
    """In all columns, or only in those that are given."""
    assert [column.header for column in TABLE.without_empty_columns().columns] == ["optimizer", "score", "µs"]
    assert TABLE.without_empty_columns(headers=["score"]) == TABLE


def test_columns_are_found_by_header():
    """None if there is no such column."""
    assert TABLE.position("score") == 1
    assert TABLE.position("gap") is None


def test_symbols_become_ascii():
    """Names are unchanged."""
    table = TABLE.to_ascii()
    assert table.title == "p: gap <= 0.1"
    assert table.columns[3].header == "us"
    assert [row.cells for row in table.rows] == [("a–b", "0.500", "", "inf"), ("x|y", "-", "", "1")]


def test_marked_scores_are_bold_or_starred():
    """Numbers are not reformatted, and cells are escaped."""
    assert "**0.500**" in markdown([TABLE])
    assert r"x\|y" in markdown([TABLE])
    assert "0.500* &" in latex([TABLE])
