"""What the title of a problem's table says."""

import math

import pytest

from benchbed.reports.table_rows import ASCII, UNICODE, sections


@pytest.fixture
def titles(results):
    """Give a function that words the titles of a study whose problems have these shares of starts in the basin."""

    def make(shares, symbols=UNICODE):
        measures = results.measures.assign(success_baseline=results.measures["problem"].map(shares))
        return [part.title for part in sections(results._replace(measures=measures), symbols)]

    return make


@pytest.mark.parametrize(("share", "words"), [(0.55, "55%"), (0.0, "0%"), (1.0, "100%"), (1 / 3, "33.3%")])
def test_a_title_says_how_many_start_in_the_basin(titles, share, words):
    """Where there are several minima, what a success rate is compared with stands above the table."""
    first, second = titles({"quadratic": share, "quartic[noise=0.1]": math.nan})
    assert first == f"quadratic: 1000 calls; success at gap ≤ 0.001; {words} start in the optimum's basin"
    assert second == "quartic[noise=0.1]: 1000 calls; success at gap ≤ 0.001"


def test_a_title_in_ascii_is_ascii(titles):
    """For terminals and LaTeX."""
    for title in titles({"quadratic": 0.5, "quartic[noise=0.1]": 0.5}, ASCII):
        assert title.isascii()
        assert title.endswith("; 50% start in the optimum's basin")


def test_a_study_without_rows_has_no_title(results):
    """Nothing is measured yet, so there are no measures either."""
    empty = results._replace(summary=results.summary[:0], measures=results.measures[:0])
    assert sections(empty, UNICODE) == []


def test_a_problem_without_measures_has_a_title(results):
    """What is not known is not said."""
    titles = [part.title for part in sections(results._replace(measures=results.measures[:0]), UNICODE)]
    assert titles[0] == "quadratic: 1000 calls; success at gap ≤ 0.001"


def test_a_title_says_at_which_gradient_trials_stop(results):
    """Where a tolerance was asked for, the column of trials counts those that converged."""
    problems = {name: facts._replace(tolerance=1e-6) for name, facts in results.problems.items()}
    for symbols, sign in ((UNICODE, "≤"), (ASCII, "<=")):
        for part in sections(results._replace(problems=problems), symbols):
            assert f"; stops at gradient norm {sign} 1e-06" in part.title


def test_a_title_says_which_gradients_were_not_by_reverse_mode(results):
    """With what each of them costs."""
    problems = {
        name: facts._replace(gradient="forward", gradient_price=20 / 3)
        for name, facts in results.problems.items()
    }
    for part in sections(results._replace(problems=problems), UNICODE):
        assert ": 1000 calls; forward gradients at 6.67 calls; success" in part.title


def test_a_title_says_how_near_anyone_came_to_a_bound(results):
    """Where f* may not be attained, the gap has no zero to compare with."""
    facts = results.problems["quadratic"]._replace(lowest_gap=0.0123)
    problems = results.problems | {"quadratic": facts}
    first, *_ = [part.title for part in sections(results._replace(problems=problems), ASCII)]
    assert first.startswith(
        "quadratic: 1000 calls; success at gap <= 0.001; f* is a lower bound, lowest gap reached 0.012"
    )
