"""The tables of the page contain the numbers of the study, and rows know their optimizers and tracks."""

import numpy as np
import pytest

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.reports.page.tables import heatmaps, score_table, status_table


@pytest.fixture(scope="module")
def grouped(make_results):
    """Three problems in two groups."""
    return make_results(problems=("a", "b", "c"), groups={"a": "noise", "b": "geometry", "c": "noise"})


def numbers_of(results):
    return {optimizer: index for index, optimizer in enumerate(results.optimizers)}


def test_the_first_table_has_the_means_of_all_problems_and_groups(grouped):
    """With intervals as text and as lines, the highest first."""
    table = score_table(grouped, numbers_of(grouped))
    assert table.headers == [
        "optimizer",
        "track",
        "all 3 problems",
        "noise (2 problems)",
        "geometry (1 problem)",
    ]
    overall = grouped.overall.set_index(["group", "optimizer", "track"])
    means = overall.loc[ALL_PROBLEMS]
    bottom, top = means["score_low"].min(), means["score_high"].max()
    for row in table.rows:
        name, track, *cells = (cell.text for cell in row.cells)
        assert row.optimizers == str(grouped.optimizers.index(name))
        for group, cell in zip((ALL_PROBLEMS, "noise", "geometry"), cells, strict=True):
            score, low, high = overall.loc[(group, name, track), ["score", "score_low", "score_high"]]
            assert cell == f"{score:.3f} [{low:.2f}, {high:.2f}]"
        low, score, high = overall.loc[(ALL_PROBLEMS, name, track), ["score_low", "score", "score_high"]]
        expected = [100 * (value - bottom) / (top - bottom) for value in (low, score, high)]
        assert row.interval == pytest.approx(expected)
    scores = [float(row.cells[2].text[:5]) for row in table.rows]
    assert scores == sorted(scores, reverse=True)
    assert table.rows[0].cells[2].is_best


def test_a_single_problem_has_its_table_of_results(make_results):
    """With all tracks."""
    results = make_results(problems=("quadratic",), seeds=3)
    table = score_table(results, numbers_of(results))
    assert len(table.rows) == 14
    assert all(row.interval for row in table.rows)


def test_without_means_there_is_no_first_table(make_results):
    """Problems without an optimum have no scores."""
    results = make_results(problems=("a", "b"), without_optimum=("a", "b"), seeds=2)
    assert score_table(results, numbers_of(results)) is None


def test_statuses_are_those_of_all_trials(results):
    """By optimizer and track."""
    table = status_table(results, numbers_of(results))
    cells = {tuple(cell.text for cell in row.cells[:2]): row.cells[2:] for row in table.rows}
    for (optimizer, track), counts in cells.items():
        rows = results.outcomes[
            (results.outcomes["optimizer"] == optimizer) & (results.outcomes["track"] == track)
        ]
        for status, cell in zip(table.headers[2:], counts, strict=True):
            assert int(cell.text or 0) == (rows["status"] == status).sum()


def test_cells_of_the_heatmap_are_scores(results):
    """By track, optimizer and problem; the best of a problem has the darkest shade."""
    anchors = {("quadratic", "adam"): "p0-o5"}
    cells = heatmaps(results, anchors)
    assert list(cells) == ["default", "tuned"]
    scores = results.summary.pivot(index=["track", "optimizer"], columns="problem", values="score")
    shown = np.array(
        [[float(cell.text[:5]) for cell in cells["tuned"][index]] for index in range(len(results.optimizers))]
    )
    expected = scores.loc["tuned"].loc[list(results.optimizers), list(results.problems)].to_numpy()
    np.testing.assert_allclose(shown, expected, atol=5.01e-4)
    shades = [max(row[column].shade for rows in cells.values() for row in rows) for column in range(2)]
    assert shades == [10, 10]
    assert [row[0].anchor for row in cells["tuned"]] == ["", "", "", "", "", "p0-o5", ""]
