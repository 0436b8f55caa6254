"""The tables of pairs contain the numbers of the study; of many pairs, those of the best optimizer."""

import re

import pytest

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.reports.page import comparisons
from benchbed.reports.page.comparisons import comparison_table, mean_comparisons


def numbers_of(results):
    return {optimizer: index for index, optimizer in enumerate(results.optimizers)}


def test_comparisons_are_those_of_the_study(results):
    """A row for each pair of the table, with both optimizers, and bold where the difference is significant."""
    table = comparison_table(results, ALL_PROBLEMS, numbers_of(results))
    pairs = results.comparisons[results.comparisons["problem"] == ALL_PROBLEMS].to_dict("records")
    assert len(table.rows) == len(pairs) == 21
    for row, pair in zip(table.rows, pairs, strict=True):
        first, second, track, difference, _, _, _, is_apart = row.cells
        assert (first.text, second.text, track.text) == (pair["first"], pair["second"], pair["track"])
        assert row.optimizers == " ".join(
            str(results.optimizers.index(cell.text)) for cell in (first, second)
        )
        value, low, high = map(float, re.findall(r"-?[\d.]+", difference.text))
        assert (value, low, high) == pytest.approx(
            (pair["difference"], pair["low"], pair["high"]), abs=5.01e-4
        )
        assert difference.is_best == (is_apart.text == "yes") == bool(pair["is_apart"])
    few = comparison_table(results, ALL_PROBLEMS, {"gd": 0, "adam": 5})
    assert len(few.rows) == 1
    assert comparison_table(results, "no such problem", numbers_of(results)) is None


@pytest.mark.parametrize("without_optimum", [(), ("quadratic",)], ids=["score", "objective"])
def test_many_pairs_are_those_of_the_best(make_results, monkeypatch, without_optimum):
    """Of each track: the optimizer with the highest mean score, or the lowest mean objective."""
    monkeypatch.setattr(comparisons, "_MOST_PAIRS", 20)
    results = make_results(
        problems=("quadratic",), seeds=3, without_optimum=without_optimum, lost=lambda *_: False
    )
    table = comparison_table(results, "quadratic", numbers_of(results))
    assert table.title == "Pairwise comparisons with the best; tables/comparisons.csv has all"
    assert len(table.rows) == 2 * 6
    measure = "objective" if without_optimum else "score"
    means = results.outcomes.groupby(["track", "optimizer"])[measure].mean().unstack()
    best = means.idxmin(axis=1) if without_optimum else means.idxmax(axis=1)
    assert all(best[row.track] in {cell.text for cell in row.cells[:2]} for row in table.rows)


def test_each_group_has_a_table(make_results):
    """After that of all problems; a group whose means do not exist has none."""
    results = make_results(problems=("a", "b"), groups={"a": "noise", "b": "geometry"}, seeds=3)
    titles = [title for title, _ in mean_comparisons(results, numbers_of(results))]
    assert titles == ["all problems", "group noise", "group geometry"]
