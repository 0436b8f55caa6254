"""The measures in words: readable, and nothing claimed that is not known."""

import math

import pytest

from benchbed.analysis.secondary_metrics import COLUMNS
from benchbed.reports.learning_rate import draw
from benchbed.reports.tables.secondary import describe_robustness, secondary_table

ROW = {
    "optimizer": "adam", "track": "tuned", "success_rate": 0.25, "success_baseline": 0.465, "median_calls": math.inf,
    "hardest_target": 10**-2.5, "hardest_calls": 251.0, "hardest_low": 178.0, "hardest_high": math.inf,
    "hardest_level": 0.9586, "gap": 1.25e-7, "robustness_decades": 1.75, "share_diverged": 1 / 3,
    "microseconds_per_step": 11.7312, "state_bytes_per_parameter": 16.8,
}  # fmt: skip


@pytest.fixture
def rows_of(results):
    """Give a function that makes measures of one row from `ROW` and what differs."""
    return lambda **other: results.measures[:1].assign(problem="quadratic", **(ROW | other))


def cells_of(rows, has_optimum=True, ascii_only=False):
    """Return the cells of the only row by header."""
    table = secondary_table(rows, "", has_optimum)
    table = table.to_ascii() if ascii_only else table
    return dict(zip((column.header for column in table.columns), table.rows[0].cells, strict=True))


def test_every_measure_has_its_words(rows_of):
    """Units in the headers, the level beside the interval, infinity as such."""
    assert cells_of(rows_of()) == {
        "optimizer": "adam",
        "track": "tuned",
        "success": "25%",
        "starts in basin": "46.5%",
        "median calls": "∞",
        "hardest target": "0.00316",
        "calls to it": "251",
        "interval (level)": "[178, ∞] (95.9%)",
        "gap": "1.2e-07",
        "decades within 2×": "1.75",
        "grid diverged": "33.3%",
        "µs/step": "11.7",
        "state bytes/parameter": "16.8",
    }


def test_the_words_can_be_ascii(rows_of):
    """For LaTeX."""
    found = cells_of(rows_of(hardest_target=math.nan), ascii_only=True)
    assert all(text.isascii() for pair in found.items() for text in pair)
    assert {"us/step", "decades within 2x"} <= set(found)
    assert found["median calls"] == "inf"


def test_what_no_row_knows_has_no_column(rows_of):
    """A basin, where there is one minimum; the grid, where nothing was tuned."""
    unknown = dict.fromkeys(["success_baseline", "robustness_decades", "share_diverged"], math.nan)
    found = cells_of(rows_of(**unknown))
    assert not {"starts in basin", "decades within 2×", "grid diverged"} & set(found)
    assert found["µs/step"] == "11.7"


def test_an_objective_is_not_called_a_gap(rows_of):
    """And has the digits that tell objectives apart."""
    found = cells_of(rows_of(gap=-1234.5678), has_optimum=False)
    assert found["objective"] == "-1234.6"
    assert "gap" not in found


def test_a_row_without_an_interval_has_none(rows_of):
    """A single trial: the calls stand alone."""
    limits = dict.fromkeys(["hardest_low", "hardest_high", "hardest_level"], math.nan)
    found = cells_of(rows_of(**limits))
    assert found["calls to it"] == "251"
    assert "interval (level)" not in found


@pytest.mark.parametrize(
    ("decades", "diverged", "text"),
    [
        (1.5, 1 / 3, "1.5 decades within 2×, 33% diverge"),
        (1.0, 0.0, "1 decade within 2×, 0% diverge"),
        (0.0, 1.0, "100% diverge"),
        (8.25, 1 / 165, "8.25 decades within 2×, 0.61% diverge"),
        (math.nan, 0.5, "50% diverge"),
        (math.nan, math.nan, ""),
    ],
)
def test_robustness_in_words(decades, diverged, text):
    """What is unknown is not said."""
    assert describe_robustness({"robustness_decades": decades, "share_diverged": diverged}) == text


def svg(results, problem="quadratic"):
    # Words are drawn as paths in SVG, but stand beside them as comments.
    return draw(results, problem)["plots/learning-rate-quadratic.svg"].decode()


def test_the_legend_says_how_robust_each_optimizer_is(results):
    """In a line below its name, with the words explained."""
    shown = svg(results)
    assert "<!-- 2 decades within 2×, 25% diverge -->" in shown
    assert "<!-- 1.5 decades within 2×, 38% diverge -->" in shown
    assert "Within 2×: rates whose" in shown


def test_without_an_optimum_the_legend_says_what_diverges(make_results):
    """No decades, nor words about them."""
    shown = svg(make_results(problems=("quadratic",), without_optimum=("quadratic",)))
    assert "<!-- 25% diverge -->" in shown
    assert "ithin 2×" not in shown


def test_an_unknown_robustness_leaves_the_name_alone(results):
    """A grid that is not complete yet."""
    unknown = results.measures.assign(robustness_decades=math.nan, share_diverged=math.nan)
    shown = svg(results._replace(measures=unknown))
    assert "<!-- adam -->" in shown
    assert "diverge -->" not in shown
    assert "ithin 2×" not in shown
    none = svg(results._replace(measures=results.measures[:0]))  # rows come once their choice is known
    assert "<!-- adam -->" in none


def test_the_table_leaves_out_no_measure(results):
    """Every column of the CSV is told in words, but for the problem and its target, which are in the title."""
    assert len(COLUMNS) - 2 - 2 == 13  # the interval and its level are one column
    rows = results.measures[:1].assign(**ROW)
    assert len(secondary_table(rows, "", True).columns) == 13
