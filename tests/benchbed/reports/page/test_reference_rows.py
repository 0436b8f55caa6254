"""Reference results are drawn in grey behind those of a study, and listed with a mark."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.pairwise_tests import Comparison
from benchbed.interfaces import ALL_PROBLEMS, Note
from benchbed.interfaces.reference_studies import (
    MatchedReference,
    ReferenceCurve,
    ReferenceMean,
    ReferenceProblem,
    ReferenceRow,
    ReferenceStudy,
)
from benchbed.reports.page.charts import WIDTH
from benchbed.reports.page.problem_charts import loss_charts
from benchbed.reports.page.reference_lines import COLOR, FIRST_NUMBER, reference_numbers
from benchbed.reports.page.reference_rows import (
    mean_rows,
    positions_among_references,
    reference_summary,
)
from benchbed.reports.page.score_charts import target_charts
from benchbed.reports.page.tables import score_table

PROBLEMS = ("quadratic", "quartic")
NO_TEST = (
    "A test needs the same two or more evaluation seeds, trials that depend on them, and no exact oracle."
)


def row(problem, track, score):
    return ReferenceRow(
        problem=problem, optimizer="old", track=track, hyperparameters={"learning_rate": 0.25}, settings_tried=1,
        trials=20, score=score, score_low=score - 0.1, score_high=score + 0.1, success_rate=0.5, median_calls="inf",
        gap=0.01, exhausted=20,
    )  # fmt: skip


def pairs_with(first, track):
    """Return the test of an optimizer of the study against the reference."""
    pair = Comparison(first, "old (past 3)", 0.125, 0.1, 0.2, 0.01, 0.0123, 1.0, 0.5, False, True)
    return pd.DataFrame([{"problem": "quadratic", "track": track, "measure": "score", **pair._asdict()}])


@pytest.fixture(scope="module")
def reference():
    """Results of one optimizer on two problems; its gap falls from 1 to 0.01 within the budget of 1 000 calls."""
    tracks = ("default", "tuned")
    return ReferenceStudy(
        "past", 3, "2", "standard", 0, "reverse", None, "protocol", {"torch": "2.13.0"},
        problems=tuple(
            ReferenceProblem(problem, "other", 1000, "float64", (0.1,), 1e-4, {0: 1.0}) for problem in PROBLEMS
        ),
        summary=tuple(
            row(problem, track, score)
            for track in tracks
            for problem, score in zip(PROBLEMS, (0.25, 0.5), strict=True)
        ),
        overall=(
            ReferenceMean(
                group=ALL_PROBLEMS, optimizer="old", track="tuned", score=0.375, score_low=0.3, score_high=0.45
            ),
        ),
        curves=tuple(
            ReferenceCurve(problem, "old", track, (0.0, 10.0, 1000.0), (1.0, 0.1, 0.01), (0.0, 0.5, 1.0), 4.0)
            for problem in PROBLEMS
            for track in tracks
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def with_reference(make_results, reference):
    """Return a function that builds a study of two optimizers beside the reference on some problems."""

    def build(matched=PROBLEMS, problems=PROBLEMS):
        results = make_results(optimizers=("gd", "adam"), problems=problems, seeds=3)
        return results._replace(
            references=(MatchedReference(reference, matched, ("old",)),),
            reference_remarks=(
                "The reference results other 1 are left out: preset full there and quick here.",
            ),
        )

    return build


def test_the_lines_are_those_of_the_reference(with_reference):
    """The gap of 0.01 at the budget is at the right, on the height that the axis has for it."""
    results = with_reference()
    numbers = {"gd": 0, "adam": 1}
    assert reference_numbers(results) == {"old (past 3)": FIRST_NUMBER}
    chart = next(loss_charts(results, "quadratic", numbers))
    # The reference is drawn first, behind the others.
    assert [line.optimizer for line in chart.lines] == [FIRST_NUMBER, 0, 1]
    start, *moves = chart.lines[0].path.removeprefix("M").split("l")
    points = np.cumsum(
        [[int(n) for n in move.replace("-", " -").split()] for move in (start, *moves)], axis=0
    )
    ticks = {text: height for height, text in chart.y.ticks}
    assert chart.lines[0].cost.text == "0.25 nan"  # four calls a step
    assert points[0].tolist() == [0, ticks["10⁰"]]
    assert points[-1] == pytest.approx([WIDTH, ticks["10⁻²"]], abs=2)


def test_targets_reached_are_those_of_the_reference(with_reference):
    """Half of them after 10 of 1 000 calls, a third of the axis; over several problems where there is a mean."""
    results = with_reference()
    numbers = {"gd": 0, "adam": 1}
    for problems in (["quadratic"], [*PROBLEMS]):
        chart = next(chart for chart in target_charts(results, problems, numbers) if chart.track == "tuned")
        line = chart.lines[0]
        assert (line.optimizer, line.title) == (FIRST_NUMBER, "old (past 3)")
        assert line.cost.text == ("0.25 nan" if len(problems) == 1 else "")
        top = max(height for height, _ in chart.y.ticks) / float(chart.y.ticks[-1][1])
        assert line.path.startswith(f"M0 0h{WIDTH // 3}v{round(top / 2)}")
    for chart in target_charts(with_reference(("quartic",)), [*PROBLEMS], numbers):
        assert {line.optimizer for line in chart.lines} == {0, 1}


def test_rows_are_marked_and_take_no_part_in_the_comparison(with_reference):
    """The mean of the reference has the interval that it was stored with, and is never bold."""
    results = with_reference()
    numbers = {"gd": 0, "adam": 1, "old (past 3)": FIRST_NUMBER}
    table = score_table(results, numbers)
    *_, last = table.rows
    texts = dict(zip(table.headers, (cell.text for cell in last.cells), strict=True))
    assert texts["optimizer"] == "old (past 3)"
    assert texts["all 2 problems"] == "0.375 [0.30, 0.45]"
    assert texts["notes"] == "reference"
    assert (last.optimizers, last.track) == (str(FIRST_NUMBER), "tuned")
    assert not any(cell.is_best for cell in last.cells)
    assert len(table.rows) == 3
    assert last.interval is not None


def test_a_mean_over_some_problems_has_no_interval(with_reference):
    """The interval of the reference is that of all of its problems."""
    results = with_reference(("quadratic",), problems=("quadratic",))
    columns = ["optimizer", "track", "all 1 problem", "notes"]
    assert mean_rows(results, columns, ["tuned"]).cells.to_dict("records") == [
        {"optimizer": "old (past 3)", "track": "tuned", "all 1 problem": "0.250", "notes": "reference"}
    ]


def test_a_mean_needs_all_problems(with_reference):
    """A mean over other problems would not compare, and results without any have no row."""
    results = with_reference(("quartic",))
    assert mean_rows(results, ["optimizer", "track", "all 2 problems"], ["tuned"]).cells.empty
    facts = {label: facts._replace(group=label) for label, facts in results.problems.items()}
    columns = ["optimizer", "track", "all 2 problems", "quartic (1 problem)"]
    (cells,) = mean_rows(results._replace(problems=facts), columns, ["tuned"]).cells.to_dict("records")
    assert cells["all 2 problems"] == "–"
    assert float(cells["quartic (1 problem)"]) > 0


def test_rows_of_references_have_the_types_of_the_study(with_reference):
    """Also of numbers that are missing or infinite there, so that both are formatted alike."""
    results = with_reference(("quadratic",), problems=("quadratic",))
    rows = reference_summary(results)
    assert list(rows.columns) == list(results.summary.columns)
    numbers = results.summary.select_dtypes("float").columns
    assert len(numbers) > 10
    assert list(rows.select_dtypes("float").columns) == list(numbers)
    assert (rows["median_calls"] == np.inf).all()
    assert rows["calls_low"].isna().all()


def test_a_single_problem_has_the_row_of_the_reference(with_reference):
    """In the first table, with the columns of the study."""
    results = with_reference(("quadratic",), problems=("quadratic",))
    table = score_table(results, {"gd": 0, "adam": 1, "old (past 3)": FIRST_NUMBER})
    rows = [dict(zip(table.headers, (c.text for c in r.cells), strict=True)) for r in table.rows]
    (default, tuned) = (row for row in rows if row["optimizer"] == "old (past 3)")
    assert (default["track"], tuned["track"]) == ("default", "tuned")
    assert (tuned["learning rate"], tuned["score"], tuned["success"]) == ("0.25", "0.250", "50%")
    assert (tuned["median calls"], tuned["trials"], tuned["notes"]) == ("∞", "20", "reference")


def test_the_page_has_a_grey_legend_entry(page_of, with_reference):
    """It hides the lines like any other, and a sentence names the reference and those that are left out."""
    page = page_of(with_reference())
    ((_, text),) = page.find("button", data_legend=str(FIRST_NUMBER))
    assert text == "old (past 3)"
    assert f".o{FIRST_NUMBER} {{ --c: {COLOR};" in page.text
    assert (
        len(page.find("g", data_o=str(FIRST_NUMBER))) == 2 * 4 + 1
    )  # gap and targets on two problems and tracks, and their mean
    assert "the results past 3 (torch 2.13.0) on 2 problems of this study" in page.text
    assert "other 1 are left out: preset full there and quick here." in page.text


def test_without_references_nothing_is_added(page_of, make_results):
    """A study looks as it did."""
    page = page_of(make_results(optimizers=("gd", "adam"), problems=("quadratic",), seeds=2))
    assert "Grey" not in page.text
    assert COLOR not in page.text


def test_a_lost_median_interrupts_the_line(with_reference, reference):
    """As NaN does; other lines stay."""
    results = with_reference()
    curves = tuple(msgspec.structs.replace(curve, median=(1.0, None, None)) for curve in reference.curves)
    changed = msgspec.structs.replace(reference, curves=curves)
    results = results._replace(references=(MatchedReference(changed, PROBLEMS, ("old",)),))
    chart = next(loss_charts(results, "quadratic", {"gd": 0, "adam": 1}))
    assert chart.lines[0].path.count("l") == 0


def test_many_optimizers_do_not_change_the_numbers(page_of, make_results, reference):
    """Charts contain the 24 best of the study, and the legend hides the right lines."""
    names = tuple(f"optimizer-{index}" for index in range(30))
    results = make_results(optimizers=names, problems=("quadratic",), tracks=("tuned",), seeds=1)
    page = page_of(results._replace(references=(MatchedReference(reference, ("quadratic",), ("old",)),)))
    assert page.find("button", data_legend=str(FIRST_NUMBER))
    assert len(page.find("g", data_o=str(FIRST_NUMBER))) == 2


def test_a_sentence_counts_the_lower_references(with_reference, reference):
    """For a mean over all problems, and for a single problem."""
    results = with_reference()
    best = results.overall[results.overall["group"] == ALL_PROBLEMS].set_index("track").loc["tuned"]
    sentence, condition = positions_among_references(results)
    highest = best["score"].max()
    name = best["optimizer"][best["score"] == highest].item()
    assert sentence == (
        f"Tuned track, without a test: {name} ({highest:.3f}) is above {int(highest > 0.375)} of 1 reference score."
    )
    assert condition == NO_TEST
    default, tuned, _ = positions_among_references(with_reference(("quadratic",), problems=("quadratic",)))
    assert default.startswith("Default track, without a test: ")
    assert tuned.startswith("Tuned track, without a test: ")
    assert positions_among_references(with_reference(("quartic",))) == []


def test_a_test_replaces_the_count(page_of, with_reference):
    """With its adjusted p; the table of all pairs is beside that of the study, and its rows follow the legend."""
    results = with_reference(("quadratic",), problems=("quadratic",))
    best = results.summary[results.summary["track"] == "tuned"].sort_values("score")["optimizer"].iloc[-1]
    tests = pairs_with(best, "tuned")
    results = results._replace(reference_comparisons=tests)
    default, tuned, condition = positions_among_references(results)
    assert default.startswith("Default track, without a test: ")
    assert condition == NO_TEST
    assert tuned.startswith(f"Tuned track: {best} (")
    assert tuned.endswith(
        ") is significantly above 1 and below 0 of 1 tested reference score, of which the highest is that of "
        "old (past 3), 0.250 (adjusted p = 0.012)."
    )
    worse = positions_among_references(results._replace(reference_comparisons=tests.assign(difference=-0.1)))
    assert "is significantly above 0 and below 1 of 1 tested reference score" in worse[1]
    same = positions_among_references(results._replace(reference_comparisons=tests.assign(is_apart=False)))
    assert "is significantly above 0 and below 0 of 1 tested reference score" in same[1]
    page = page_of(results)
    assert "Comparisons with reference results" in page.text
    assert "Tests against them are adjusted apart from those between optimizers of the study." in page.text
    number = {"gd": 0, "adam": 1}[best]
    assert page.find("tr", data_o=f"{number} {FIRST_NUMBER}")


def test_scores_without_a_test_are_counted_apart(with_reference, reference):
    """Such as the highest score, that of an optimizer with the exact oracle; it is not named as the highest."""
    exact = msgspec.structs.replace(row("quadratic", "tuned", 0.99), optimizer="exact")
    changed = msgspec.structs.replace(reference, summary=(*reference.summary, exact))
    results = with_reference(("quadratic",), problems=("quadratic",))
    results = results._replace(
        references=(MatchedReference(changed, ("quadratic",), ("old", "exact")),),
        reference_comparisons=pd.concat(
            [pairs_with(name, track) for name in ("gd", "adam") for track in ("default", "tuned")]
        ),
    )
    default, tuned, condition = positions_among_references(results)
    tested = "of 1 tested reference score, of which the highest is that of old (past 3), 0.250 (adjusted p = 0.012)"
    assert default.endswith(f"{tested}.")
    assert tuned.endswith(f"{tested}; 1 further score cannot be tested.")
    assert condition == NO_TEST
    unknown = results.reference_comparisons.assign(p_value=np.nan)
    _, untested, _ = positions_among_references(results._replace(reference_comparisons=unknown))
    assert untested.endswith("of 2 reference scores.")


def test_the_exact_oracle_does_not_represent_the_study(with_reference):
    """Its score would be compared with those of noisy gradients, without a mark."""
    results = with_reference(("quadratic",), problems=("quadratic",))
    tuned = results.summary[results.summary["track"] == "tuned"].sort_values("score")
    lower, higher = tuned["optimizer"]
    assert f" {higher} (" in positions_among_references(results)[1]
    is_higher = results.summary["optimizer"] == higher
    notes = [(Note.EXACT_ORACLE,) if marked else () for marked in is_higher]
    sentences = positions_among_references(results._replace(summary=results.summary.assign(notes=notes)))
    assert f" {lower} (" in sentences[1]
