"""Tables hold every row, in every format, and nothing in them is more than text."""

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


def test_one_file_a_format_and_problem(files):
    """Names follow from the selectors."""
    stems = ("summary", "measures", "quadratic", "quartic-noise-0.1")
    tables = {f"tables/{stem}.{kind}" for stem in stems for kind in ("csv", "md", "tex")}
    assert set(files) == tables | {"tables/comparisons.csv"}


@pytest.mark.parametrize("name", ["summary", "measures", "comparisons", "findings"])
def test_no_problem_takes_the_name_of_another_table(make_results, name):
    """A problem that is called so has a digest in the name of its file."""
    results = make_results(problems=(name,), optimizers=("adam", "sgd"), seeds=2)
    own = {file for file in draw(results, "summary") if file.startswith(f"tables/{name}-")}
    assert len(own) == 3


def test_csv_gives_back_the_measures(results, files):
    """Every column in its order, every number to the last digit, infinity and NaN included."""
    read = pd.read_csv(io.StringIO(files["tables/measures.csv"]))
    assert list(read.columns) == list(results.measures.columns)
    assert set(read["hardest_calls"]) >= {math.inf}
    for column in read.columns[3:]:
        pd.testing.assert_series_equal(
            read[column], results.measures[column], rtol=0, atol=0, check_dtype=False
        )


def test_csv_gives_back_the_summary(results, files):
    """Every column in its order, every number to the last digit, infinity and NaN included."""
    found = pd.read_csv(
        io.StringIO(files["tables/summary.csv"]), keep_default_na=False, na_values={"gap": [""]}
    )
    assert list(found.columns) == list(results.summary.columns)
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
    """No row of the Markdown table gains a cell, no LaTeX command or tag comes in."""
    results = make_results(optimizers=HOSTILE, problems=("quadratic",), seeds=1)
    files = {name: data.decode("utf-8") for name, data in draw(results, "summary").items()}
    for table in ("summary", "measures"):
        rows = [line for line in files[f"tables/{table}.md"].splitlines() if line.startswith("|")]
        assert len({row.replace(r"\|", "").count("|") for row in rows}) == 1
        assert r"x\_1 \& 50\%" in files[f"tables/{table}.tex"]
        assert "'=cmd()" in files[f"tables/{table}.csv"]
    assert "<b>" not in files["tables/summary.md"]
    assert "<b>" not in files["tables/measures.md"]


def test_the_best_are_marked_without_colour(results, files):
    """Bold in Markdown, a star in LaTeX: the highest score of each track, and all that are not told apart from it."""
    leading = results.summary[leading_rows(results.summary, results.groups)]
    marks = int((leading["problem"] == "quadratic").sum())
    assert marks >= 2
    assert files["tables/quadratic.md"].count("**") == 2 * marks
    assert files["tables/quadratic.tex"].count("* &") == marks


def test_the_target_and_the_lost_trials_are_named(files):
    """A success rate means nothing without its target."""
    assert "success at gap ≤ 0.001" in files["tables/quadratic.md"].replace("\\", "")
    assert "success at gap <= 0.001" in files["tables/quadratic.tex"]
    assert "5: 3 diverged" in files["tables/quadratic.md"]


def test_latex_is_ascii(files):
    """So that it compiles whatever the document's engine."""
    assert files["tables/summary.tex"].isascii()
    assert files["tables/measures.tex"].isascii()


def test_intervals_are_shown_once_there_are_any(results):
    """The column is absent where no row has one."""
    results = results._replace(overall=results.overall.assign(score_low=math.nan, score_high=math.nan))
    plain = draw(results, "summary")["tables/summary.md"].decode()
    full = results._replace(summary=results.summary.assign(score_low=0.25, score_high=0.75))
    assert "95%" not in plain
    assert "[0.25, 0.75]" in draw(full, "summary")["tables/summary.md"].decode()


def test_without_an_optimum_the_objective_is_compared(make_results):
    """The lower median over the seeds; a row whose median trial diverged has none."""
    results = make_results(problems=("open",), without_optimum=("open",), tracks=("default",))
    mine = results.outcomes[results.outcomes["optimizer"] == "adam"]["final_objective"].sort_values()
    table = draw(results, "summary")["tables/open.md"].decode()
    row = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    assert f"{mine.iloc[2]:.5g}" in row["adam"]
    assert "∞" in row["sgd"]


def test_an_empty_study_has_no_tables(results):
    """No file rather than an empty one."""
    assert pieces(results._replace(summary=results.summary[:0])) == []
