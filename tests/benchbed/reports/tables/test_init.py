"""Tables contain every row in every format, with names escaped."""

import io
import math

import pandas as pd
import pytest

from benchbed.reports.ranking import leading_rows
from benchbed.reports.tables import draw, pieces
from benchbed.reports.tables.table import csv

HOSTILE = ("=cmd()", "a|b", "x_1 & 50%", "<b>", "[red]")


@pytest.fixture
def files(results):
    return {name: data.decode("utf-8") for name, data in draw(results, "summary").items()}


def test_each_problem_has_a_file_in_each_format(files):
    """Named by its selector."""
    stems = ("summary", "measures", "quadratic", "quartic-noise-0.1")
    tables = {f"tables/{stem}.{kind}" for stem in stems for kind in ("csv", "md", "tex")}
    assert set(files) == tables | {f"tables/{name}.csv" for name in ("comparisons", "overall", "influence")}


def test_tests_against_references_have_a_file(results):
    """With every row and column of the frame, and in no other file."""
    plain = draw(results, "summary")
    pairs = results.comparisons.head(3).assign(second="sgd (past 1)", low=math.nan)
    files = draw(results._replace(reference_comparisons=pairs), "summary")
    read = pd.read_csv(io.BytesIO(files.pop("tables/reference-comparisons.csv")), keep_default_na=False)
    numbers = read[["low", "adjusted_p"]].replace("", math.nan).astype(float)
    expected = pairs.reset_index(drop=True)
    pd.testing.assert_frame_equal(
        read[["problem", "first", "second"]], expected[["problem", "first", "second"]]
    )
    pd.testing.assert_frame_equal(numbers, expected[["low", "adjusted_p"]].astype(float), rtol=0, atol=0)
    assert list(read.columns) == list(pairs.columns)
    assert files == plain
    assert draw(results._replace(reference_comparisons=pairs.head(0)), "summary") == plain


@pytest.mark.parametrize("name", ["summary", "measures", "comparisons", "reference-comparisons", "findings"])
def test_problems_do_not_replace_other_tables(make_results, name):
    """The file name of a problem with a reserved name has a digest."""
    results = make_results(problems=(name,), optimizers=("adam", "sgd"), seeds=2)
    files = {file for file in draw(results, "summary") if file.startswith(f"tables/{name}-")}
    assert len(files) == 3


def test_csv_preserves_the_secondary_metrics(results, files):
    """Every column in order, every number to the last digit, including infinity and NaN."""
    read = pd.read_csv(io.StringIO(files["tables/measures.csv"]))
    assert list(read.columns) == list(results.measures.columns)
    assert set(read["hardest_calls"]) >= {math.inf}
    for column in read.columns[3:]:
        pd.testing.assert_series_equal(
            read[column], results.measures[column], rtol=0, atol=0, check_dtype=False
        )


def test_csv_preserves_the_summary(results, files):
    """Every column in order, every number to the last digit, including infinity and NaN."""
    frame = pd.read_csv(
        io.StringIO(files["tables/summary.csv"]), keep_default_na=False, na_values={"gap": [""]}
    )
    assert list(frame.columns) == list(results.summary.columns)
    read = pd.read_csv(io.StringIO(files["tables/summary.csv"]))
    for column in ("score", "median_calls", "gap", "score_low"):
        pd.testing.assert_series_equal(read[column], results.summary[column], rtol=0, atol=0)


def test_only_text_is_guarded(results):
    """A negative number stays a number."""
    summary = results.summary.assign(gap=-1.5, hyperparameters="-1.5")
    line = csv(summary).splitlines()[1]
    assert ",-1.5," in line
    assert ",'-1.5," in line


def test_hostile_names_stay_in_their_cells(make_results):
    """Markdown rows have no additional cells, and LaTeX commands and tags are escaped."""
    results = make_results(optimizers=HOSTILE, problems=("quadratic",), seeds=1)
    files = {name: data.decode("utf-8") for name, data in draw(results, "summary").items()}
    for table in ("summary", "measures"):
        rows = [line for line in files[f"tables/{table}.md"].splitlines() if line.startswith("|")]
        assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1
        assert r"x\_1 \& 50\%" in files[f"tables/{table}.tex"]
        assert "'=cmd()" in files[f"tables/{table}.csv"]
    assert "<b>" not in files["tables/summary.md"]
    assert "<b>" not in files["tables/measures.md"]


def test_the_leading_scores_are_marked(results, files):
    """Bold in Markdown, with a star in LaTeX."""
    leading = results.summary[leading_rows(results.summary, results.groups)]
    marks = int((leading["problem"] == "quadratic").sum())
    assert marks >= 2
    assert files["tables/quadratic.md"].count("**") == 2 * marks
    assert files["tables/quadratic.tex"].count("* &") == marks


def test_target_and_lost_trials_are_shown(files):
    """The target defines the success rate."""
    assert "success at gap ≤ 0.001" in files["tables/quadratic.md"].replace("\\", "")
    assert "success at gap <= 0.001" in files["tables/quadratic.tex"]
    assert "5: 3 diverged" in files["tables/quadratic.md"]


def test_latex_is_ascii(files):
    """It compiles with every engine."""
    assert files["tables/summary.tex"].isascii()
    assert files["tables/measures.tex"].isascii()


def test_columns_of_intervals_need_an_interval(results):
    """Without any, the column is left out."""
    results = results._replace(overall=results.overall.assign(score_low=math.nan, score_high=math.nan))
    plain = draw(results, "summary")["tables/summary.md"].decode()
    full = results._replace(summary=results.summary.assign(score_low=0.25, score_high=0.75))
    assert "95%" not in plain
    assert "[0.25, 0.75]" in draw(full, "summary")["tables/summary.md"].decode()


def test_without_an_optimum_the_objective_is_shown(make_results):
    """The lower median over seeds; infinite if the median trial diverged."""
    results = make_results(problems=("open",), without_optimum=("open",), tracks=("default",))
    mine = results.outcomes[results.outcomes["optimizer"] == "adam"]["final_objective"].sort_values()
    table = draw(results, "summary")["tables/open.md"].decode()
    row = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    assert f"{mine.iloc[2]:.5g}" in row["adam"]
    assert "∞" in row["sgd"]


def test_an_empty_study_has_no_tables(results):
    """No files are written."""
    assert pieces(results._replace(summary=results.summary[:0])) == []
