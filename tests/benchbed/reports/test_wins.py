"""The win matrix says what the comparisons say."""

import numpy as np
import pandas as pd

from benchbed.reports.wins import draw, matrix, pieces

PAIRS = pd.DataFrame(
    [("a", "b", 0.75, True), ("a", "c", 0.5, False), ("b", "c", 0.1, True)],
    columns=["first", "second", "win_share", "is_apart"],
)


def test_a_win_is_the_others_loss():
    """Shares across the diagonal add up to 1."""
    shares, apart = matrix(PAIRS, ["a", "b", "c"])
    assert shares[0].tolist()[1:] == [0.75, 0.5]
    np.testing.assert_allclose((shares + shares.T)[~np.eye(3, dtype=bool)], 1)
    assert apart.tolist() == [[False, True, False], [True, False, True], [False, True, False]]


def test_the_whole_study_has_one_matrix(results):
    """Over all problems, one panel a track."""
    assert pieces(results) == [""]
    assert set(draw(results, "")) == {"plots/wins.png", "plots/wins.svg"}


def test_a_single_problem_is_its_own_table(make_results):
    """And is named in the title."""
    results = make_results(problems=("quadratic",))
    assert pieces(results) == ["quadratic"]


def test_an_entrant_alone_beats_nobody(make_results):
    """There is no matrix."""
    assert pieces(make_results(problems=("quadratic",), optimizers=("adam",))) == []
