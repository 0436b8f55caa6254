"""The tables of pairs contain the numbers of the study; of many pairs, those of the best optimizer."""

import re

import pandas as pd
import pytest

from benchbed.analysis.pairwise_tests import Comparison
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceStudy
from benchbed.reports.page import comparisons
from benchbed.reports.page.comparisons import comparison_table, mean_comparisons, reference_table


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


def test_many_pairs_with_references_are_those_of_the_best(make_results, monkeypatch):
    """Of each track: the optimizer of the study with the highest mean score, also if a reference is better."""
    results = make_results(problems=("quadratic",), seeds=3)
    names = tuple(f"old{index}" for index in range(3))
    study = ReferenceStudy("past", 1, "2", "quick", 0, "reverse", None, "protocol", {}, (), (), (), ())
    means = results.outcomes.groupby(["track", "optimizer"])["score"].mean()
    rows = [
        {"problem": "quadratic", "track": track, "measure": "score", **pair._asdict()}
        for (track, optimizer), mean in means.items()
        for position, name in enumerate(names)
        for pair in [
            Comparison(
                optimizer,
                study.label(name),
                mean - 0.9 - position / 30,
                -1,
                1,
                0.5,
                0.5,
                0.5,
                0.5,
                False,
                False,
            )
        ]
    ]
    results = results._replace(
        references=(MatchedReference(study, ("quadratic",), names),),
        reference_comparisons=pd.DataFrame(rows).sample(frac=1, random_state=0),
    )
    few = len(rows) // 2
    monkeypatch.setattr(comparisons, "_MOST_PAIRS", few)
    table = reference_table(results, "quadratic", numbers_of(results))
    assert (table.title, len(table.rows)) == ("Comparisons with reference results", len(rows))
    monkeypatch.setattr(comparisons, "_MOST_PAIRS", few - 1)
    table = reference_table(results, "quadratic", numbers_of(results))
    assert table.title == (
        "Comparisons of the best with reference results; tables/reference-comparisons.csv has all"
    )
    best = means.unstack().idxmax(axis=1)
    pairs = {(row.track, *(cell.text for cell in row.cells[:2])) for row in table.rows}
    assert pairs == {(track, best[track], study.label(name)) for track in best.index for name in names}


def test_each_group_has_a_table(make_results):
    """After that of all problems; a group whose means do not exist has none."""
    results = make_results(problems=("a", "b"), groups={"a": "noise", "b": "geometry"}, seeds=3)
    titles = [title for title, _ in mean_comparisons(results, numbers_of(results))]
    assert titles == ["all problems", "group noise", "group geometry"]
