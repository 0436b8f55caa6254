"""The win matrix agrees with the pairwise comparisons."""

import numpy as np
import pandas as pd
import pytest

from benchbed.reports.wins import draw, pieces, win_matrix

pytestmark = pytest.mark.slow

PAIRS = pd.DataFrame(
    [("a", "b", 0.75, 0.1, True), ("a", "c", 0.5, -0.0001, False), ("b", "c", 0.1, -0.25, True)],
    columns=["first", "second", "win_share", "difference", "is_apart"],
)


def test_shares_across_the_diagonal_add_up_to_one():
    """The diagonal itself is NaN."""
    shares, _ = win_matrix(PAIRS, ["a", "b", "c"])
    assert shares[0].tolist()[1:] == [0.75, 0.5]
    np.testing.assert_allclose((shares + shares.T)[~np.eye(3, dtype=bool)], 1)
    assert np.isnan(np.diag(shares)).all()


def test_cells_show_win_share_and_difference():
    """A star marks a significant difference; zero has no sign."""
    _, texts = win_matrix(PAIRS, ["a", "b", "c"])
    assert texts.tolist() == [
        ["", "0.75\n+0.100*", "0.50\n0.000"],
        ["0.25\n−0.100*", "", "0.10\n−0.250*"],
        ["0.50\n0.000", "0.90\n+0.250*", ""],
    ]


def test_without_a_comparison_all_cells_are_empty():
    """Such as after an interruption; pandas does not warn."""
    shares, texts = win_matrix(PAIRS[:0], ["a", "b"])
    assert np.isnan(shares).all()
    assert texts.tolist() == [["", ""], ["", ""]]


def test_a_study_has_one_matrix(results):
    """Over all problems, one panel a track."""
    assert pieces(results) == [""]
    assert set(draw(results, "")) == {"plots/wins.png", "plots/wins.svg"}


def test_a_single_problem_is_named(make_results):
    """Its table replaces the mean over problems."""
    assert pieces(make_results(problems=("quadratic",))) == ["quadratic"]


def test_a_single_optimizer_has_no_matrix(make_results):
    """No pair can be compared."""
    assert pieces(make_results(problems=("quadratic",), optimizers=("adam",))) == []
