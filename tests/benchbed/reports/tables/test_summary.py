"""Titles of the tables of problems."""

import math

import numpy as np
import pytest

from benchbed.interfaces import Exclusion
from benchbed.reports.tables.summary import format_setting, group_tables, overall_tables, summary_tables


def titles_of(results, ascii_only=False):
    tables = summary_tables(results)
    return [table.to_ascii().title if ascii_only else table.title for table in tables]


@pytest.mark.parametrize(
    ("share", "percentage"), [(0.55, "55%"), (0.0, "0%"), (1.0, "100%"), (1 / 3, "33.3%")]
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_titles_contain_the_share_of_starts_in_the_basin(results, share, percentage, ascii_only):
    """Where there are several minima, the success rate is compared with it."""
    shares = {"quadratic": share, "quartic[noise=0.1]": math.nan}
    measures = results.measures.assign(success_baseline=results.measures["problem"].map(shares))
    first, second = titles_of(results._replace(measures=measures), ascii_only)
    at_most = "<=" if ascii_only else "≤"
    assert first == (
        f"quadratic: 1000 calls; success at gap {at_most} 0.001; {percentage} start in the optimum's basin"
    )
    assert second == f"quartic[noise=0.1]: 1000 calls; success at gap {at_most} 0.001"


def test_an_empty_study_has_no_tables(results):
    """There are neither rows nor measures."""
    empty = results._replace(summary=results.summary[:0], measures=results.measures[:0])
    assert summary_tables(empty) == []


def test_titles_without_measures_omit_the_basin(results):
    """Only known values are printed."""
    title, _ = titles_of(results._replace(measures=results.measures[:0]))
    assert title == "quadratic: 1000 calls; success at gap ≤ 0.001"


@pytest.mark.parametrize(
    ("changes", "phrase"),
    [
        ({"tolerance": 1e-6}, "; stops at gradient norm ≤ 1e-06"),
        (
            {"gradient": "forward", "gradient_price": 20 / 3},
            ": 1000 calls; forward gradients at 6.67 calls; success",
        ),
        ({"gradient": "forward", "gradient_price": 1.0}, "; forward gradients at 1 call; success"),
        ({"lowest_gap": 0.0123}, "; success at gap ≤ 0.001; f* is a lower bound, lowest gap reached 0.012"),
        ({"budget": 1}, ": 1 call; success"),
        ({"has_optimum": False}, "; no known optimum and no score; final objectives are compared"),
    ],
    ids=["tolerance", "gradient", "one call", "lower bound", "budget", "no optimum"],
)
def test_titles_contain_the_facts_of_the_problem(results, changes, phrase):
    """Facts that are as usual are omitted."""
    problems = {name: facts._replace(**changes) for name, facts in results.problems.items()}
    for title in titles_of(results._replace(problems=problems)):
        assert phrase in title


@pytest.mark.parametrize(
    ("hyperparameters", "text"),
    [
        ('{"learning_rate": 0.001, "beta": 0.9}', "0.001"),
        ('{"radius": 2, "norm": "inf"}', "radius=2, norm=inf"),
        ("{}", "–"),
        ("", "–"),
        (math.nan, "–"),
    ],
)
def test_settings_are_short(hyperparameters, text):
    """The learning rate represents a setting that has one."""
    assert format_setting(hyperparameters) == text


def test_means_of_lost_trials_are_never_marked(make_results):
    """All trials of sgd diverged, on every problem of the group or of the study; few seeds do not show it."""
    results = make_results(
        problems=("a", "b", "c"),
        groups={"a": "noise", "b": "geometry", "c": "noise"},
        lost=lambda problem, optimizer, seed: optimizer == 1 and problem != 1,
    )
    results = results._replace(groups=results.groups.assign(group=1))
    (by_group,), (overall,) = group_tables(results), overall_tables(results)
    is_sgd = by_group.cells["optimizer"] == "sgd"
    noise, geometry = by_group.leads.values()
    assert list(noise) == (~is_sgd).tolist()
    assert all(geometry)
    assert all(overall.is_best), "sgd has trials on b that are not lost"
    everywhere = make_results(lost=lambda problem, optimizer, seed: optimizer == 1)
    (overall,) = overall_tables(everywhere._replace(groups=everywhere.groups.assign(group=1)))
    assert list(overall.is_best) == (overall.cells["optimizer"] != "sgd").tolist()


def test_groups_may_have_the_names_of_columns(make_results):
    """The header of a group contains its number of problems, and names of optimizers and tracks stay."""
    names = ("track", "optimizer", "notes", "self")
    results = make_results(problems=("a", "b", "c", "d"), groups=dict(zip("abcd", names, strict=True)))
    (table,) = group_tables(results)
    headers = [f"{name} (1 problem)" for name in names]
    assert list(table.cells) == ["optimizer", "track", *headers, "notes"]
    assert set(table.cells["track"]) == {"tuned"}
    assert list(table.cells["optimizer"]) == list(results.optimizers)
    assert list(table.mark(table.cells, "{}*")) == list(table.cells)


def test_a_missing_mean_of_a_group_has_a_note(make_results):
    """sgd was skipped on a problem with noise."""
    results = make_results(problems=("a", "b"), groups={"a": "noise", "b": "geometry"})
    overall = results.overall.copy()
    is_lacking = (overall["optimizer"] == "sgd") & (overall["group"] == "noise")
    overall.loc[is_lacking, ["score", "score_low", "score_high"]] = math.nan
    overall["reason"] = overall["reason"].astype(object).mask(is_lacking, Exclusion.SKIPPED)
    (table,) = group_tables(results._replace(overall=overall))
    notes = dict(zip(table.cells["optimizer"], table.notes, strict=True))
    assert notes.pop("sgd") == ("noise: skipped on some problem",)
    assert set(notes.values()) == {()}
    assert table.cells["notes"].tolist() == ["; ".join(of_row) for of_row in table.notes]


@pytest.mark.parametrize(
    ("low", "estimate", "high"),
    [
        *((1.2003, 1.2009, 1.2012), (-3.00002, -3.00001, -2.9), (1.2, 1.2, 1.2), (-2e-6, 0.0, 3e-6)),
        *((0.999999, 1.0, 1.000001), (99.5, 1234.5678, 1e5), (1.23451e-7, 1.23456e-7, 1.2346e-7)),
        *((4.0e8, 4.00000001e8, 5e8), (1.0, 2.0, math.inf), (1.5, math.inf, math.inf)),
    ],
)
def test_an_interval_contains_its_estimate_as_printed(make_results, low, estimate, high):
    """Limits and estimate have equally many decimals, and differ where their values do."""
    results = make_results(problems=("open",), without_optimum=("open",), tracks=("default",))
    limits = {"objective": estimate, "objective_low": low, "objective_high": high}
    (table,) = summary_tables(results._replace(summary=results.summary.assign(**limits)))
    cell = table.cells["objective"].iloc[0]
    texts = [text.strip(" ]") for text in cell.replace("[", ",").replace("∞", "inf").split(",")]
    printed = [float(text) for text in (texts[1], texts[0], texts[2])]
    assert printed == sorted(printed)
    assert len(set(printed)) == len({low, estimate, high})
    assert len({len(text.partition("e")[0].partition(".")[2]) for text in texts if text != "inf"}) == 1
    assert np.allclose(printed, [low, estimate, high], rtol=1e-4, atol=1e-9)
