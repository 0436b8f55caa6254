"""Tables of secondary metrics show the known values."""

import math

import pytest

from benchbed.analysis.secondary_metrics import COLUMNS
from benchbed.reports.learning_rate import draw
from benchbed.reports.tables.secondary import describe_robustness, secondary_table

ROW = {
    "optimizer": "adam", "track": "tuned", "success_rate": 0.25, "success_baseline": 0.465, "median_calls": math.inf,
    "hardest_target": 10**-2.5, "hardest_calls": 251.0, "hardest_low": 178.0, "hardest_high": math.inf,
    "hardest_level": 0.9586, "gap": 1.25e-7, "objective": 0.5, "robustness_decades": 1.75, "share_diverged": 1 / 3,
    "calls_per_step": 1.5, "microseconds_per_step": 11.7312, "state_bytes_per_parameter": 16.8,
}  # fmt: skip


@pytest.fixture
def rows_of(results):
    """Return a function that builds one row from `ROW` and changes."""
    return lambda **changes: results.measures[:1].assign(problem="quadratic", **(ROW | changes))


def cells_of(rows, has_optimum=True, ascii_only=False):
    """Return the cells of the only row by header."""
    table = secondary_table(rows, "", has_optimum)
    table = table.to_ascii() if ascii_only else table
    return table.cells.iloc[0].to_dict()


def test_every_metric_is_formatted(rows_of):
    """Headers contain units, the interval its level."""
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
        "calls/step": "1.5",
        "µs/step": "11.7",
        "state bytes/parameter": "16.8",
    }


def test_tables_can_be_ascii(rows_of):
    """For LaTeX."""
    cells = cells_of(rows_of(hardest_target=math.nan), ascii_only=True)
    assert all(text.isascii() for pair in cells.items() for text in pair)
    assert {"us/step", "decades within 2x"} <= set(cells)
    assert cells["median calls"] == "inf"


def test_columns_without_values_are_left_out(rows_of):
    """The basin with a single minimum, the grid without tuning."""
    unknown = dict.fromkeys(["success_baseline", "robustness_decades", "share_diverged"], math.nan)
    cells = cells_of(rows_of(**unknown))
    assert not {"starts in basin", "decades within 2×", "grid diverged"} & set(cells)
    assert cells["µs/step"] == "11.7"


def test_an_objective_is_not_called_a_gap(rows_of):
    """It has enough digits to distinguish objectives."""
    cells = cells_of(rows_of(objective=-1234.5678), has_optimum=False)
    assert cells["objective"] == "-1234.6"
    assert "gap" not in cells


def test_a_single_trial_has_no_interval(rows_of):
    """Only the calls are shown."""
    limits = dict.fromkeys(["hardest_low", "hardest_high", "hardest_level"], math.nan)
    cells = cells_of(rows_of(**limits))
    assert cells["calls to it"] == "251"
    assert "interval (level)" not in cells


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
def test_robustness_is_described(decades, diverged, text):
    """Unknown values are omitted, and zero decades are too."""
    assert describe_robustness({"robustness_decades": decades, "share_diverged": diverged}) == text


def svg(results, problem="quadratic"):
    # Words are drawn as paths in SVG, but stand beside them as comments.
    return draw(results, problem)["plots/learning-rate-quadratic.svg"].decode()


@pytest.mark.slow
def test_the_legend_contains_the_robustness(results):
    """On a line below the name; the caption explains it."""
    legend = svg(results)
    assert "<!-- 2 decades within 2×, 25% diverge -->" in legend
    assert "<!-- 1.5 decades within 2×, 38% diverge -->" in legend
    assert "rates with at most twice the median calls" in " ".join(legend.split())


@pytest.mark.slow
def test_without_an_optimum_the_legend_contains_the_diverged_share(make_results):
    """There are no decades, and no explanation of them."""
    legend = svg(make_results(problems=("quadratic",), without_optimum=("quadratic",)))
    assert "<!-- 25% diverge -->" in legend
    assert "ithin 2×" not in legend


@pytest.mark.slow
def test_an_unknown_robustness_is_omitted(results):
    """The grid is not complete yet."""
    unknown = results.measures.assign(robustness_decades=math.nan, share_diverged=math.nan)
    legend = svg(results._replace(measures=unknown))
    assert "<!-- adam -->" in legend
    assert "diverge -->" not in legend
    assert "ithin 2×" not in legend
    none = svg(results._replace(measures=results.measures[:0]))  # rows come once their choice is known
    assert "<!-- adam -->" in none


def test_the_table_contains_every_metric(results):
    """All columns of the CSV but the problem and the target, which are in the title, and one of gap and objective."""
    assert len(COLUMNS) - 2 - 2 - 1 == 14  # the interval and its level are one column
    rows = results.measures[:1].assign(**ROW)
    assert secondary_table(rows, "", True).cells.shape[1] == 14
