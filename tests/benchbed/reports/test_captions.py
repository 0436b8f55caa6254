"""Under every figure stands a sentence with the study's own numbers, whole and legible."""

import io
import re

import pytest
from matplotlib.backends.backend_svg import RendererSVG

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.reports import REPORTS
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import MOST

# A critical-difference diagram needs 24 problems: `test_critical_difference.py` asks the same of it.
FIGURES = {
    report.name: report
    for report in REPORTS
    if report.name not in ("tables", "findings", "critical-difference")
}
SAYS = {
    "loss": ["median gap over 5 evaluation seeds", "1 000 calls", "at or below 0.001 it is a success"],
    "ecdf": ["8 targets on each of 5 evaluation seeds", "the area under a curve is the optimizer's score"],
    "paths": ["evaluation seed 0", "one seed is an example, not evidence"],
    "learning-rate": ["median final gap over 3 tuning seeds", "at or below 0.001 it is a success"],
    "best-of-k": ["drawn from the 8 that were tried", "on 5 evaluation seeds"],
    "wins": ["share of 5 evaluation seeds", "averaged over 2 problems", "p < 0.05"],
    "heatmap": ["mean score over 5 evaluation seeds", "×n: n trials diverged or failed"],
    "profile": ["share of 10 cases", "gap ≤ 0.001", "one entrant more or less changes these curves"],
}


@pytest.fixture
def drawn(saved):
    """Give a function that draws a piece and gives the figure it saved and the words below it."""

    def draw(results, kind, piece=None):
        pieces = FIGURES[kind].pieces(results)
        FIGURES[kind].draw(results, pieces[0] if piece is None else piece)
        figure = saved[-1]
        (note,) = figure.texts
        return figure, note

    return draw


def of_svg(figure):
    """Give what measures text as SVG draws it, without hinting."""
    return RendererSVG(*figure.bbox.size, io.StringIO())


def plain(text):
    """Give text on one line with ordinary spaces."""
    return re.sub(r"\s", " ", text)


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_each_figure_is_explained_with_its_numbers(results, drawn, kind):
    """Every built-in figure has a sentence that a reader without the manual can use."""
    _, note = drawn(results, kind)
    assert [words for words in SAYS[kind] if words not in plain(note.get_text())] == []
    assert re.search(r"\.(\n|$)", note.get_text())


@pytest.mark.parametrize("kind", sorted(FIGURES))
@pytest.mark.parametrize("entrants", [2, 7])
def test_no_sentence_is_clipped_or_covers_anything(make_results, drawn, kind, entrants):
    """At the resolution of the PNG and at that of the SVG, in the narrowest figures too, in 8 points."""
    results = make_results(
        optimizers=("adam", "sgd", "gd", "momentum", "nesterov", "a", "b")[:entrants], seeds=2
    )
    figure, note = drawn(results, kind)
    assert note.get_fontsize() == 8
    for dpi, renderer_of in ((150, figure.canvas.get_renderer), (72, lambda: of_svg(figure))):
        figure.set_dpi(dpi)
        renderer = renderer_of()
        box = note.get_window_extent(renderer)
        assert box.x0 > 0 < box.y0
        assert box.x1 < figure.bbox.x1
        assert box.y1 < min(axes.get_tightbbox(renderer).y0 for axes in figure.axes)


@pytest.mark.parametrize("kind", ["loss", "wins", "heatmap"])
def test_what_a_crowd_left_out_is_said_as_well(make_results, drawn, kind):
    """The sentence does not displace the note about the optimizers that found no room."""
    crowd = make_results(
        problems=("quadratic",), optimizers=[f"o{i}" for i in range(MOST + 1)], seeds=1, tracks=("default",)
    )
    _, note = drawn(crowd, kind)
    assert "the 24 best of 25 optimizers by mean score; the tables have all of them" in plain(note.get_text())


@pytest.mark.parametrize("kind", ["loss", "ecdf", "paths"])
def test_an_exact_oracle_is_marked(results, drawn, kind):
    """In the legend, and explained below; nowhere else."""
    exact = results.outcomes.assign(
        oracle=results.outcomes["oracle"].where(results.outcomes["optimizer"] != "gd", "exact")
    )
    figure, note = drawn(results._replace(outcomes=exact), kind)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [name for name in legend if EXACT_MARK in name] == [f"gd {EXACT_MARK}"]
    assert f"{EXACT_MARK} saw the exact oracle and is not compared" in plain(note.get_text())
    _, unmarked = drawn(results, kind)
    assert EXACT_MARK not in unmarked.get_text()


@pytest.mark.parametrize("change", [{"oracle": "exact"}, {"status": "skipped"}])
def test_the_mean_over_problems_names_how_many_it_lacks(results, drawn, change):
    """What has no overall score has no curve whose area it would be."""
    is_gd = results.outcomes["optimizer"] == "gd"
    (column, value), *_ = change.items()
    outcomes = results.outcomes.assign(**{column: results.outcomes[column].where(~is_gd, value)})
    figure, note = drawn(results._replace(outcomes=outcomes), "ecdf", ALL_PROBLEMS)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(legend) == 6
    assert "gd" not in legend
    assert "without one, so not drawn: one optimizer" in plain(note.get_text())


def test_nothing_is_claimed_of_seeds_or_optima_that_are_not_there(make_results, drawn):
    """One seed has no median and no band; without an optimum there is neither a gap nor success."""
    results = make_results(problems=("open",), without_optimum=("open",), seeds=1, lost=lambda *_: False)
    _, note = drawn(results, "loss")
    words = plain(note.get_text())
    assert words.startswith("The objective on one evaluation seed")
    assert not any(word in words for word in ("median", "band", "gap", "success", "×"))


def test_a_cross_is_explained_where_there_is_one(make_results, drawn):
    """Three of five seeds lost: the median is gone."""
    _, note = drawn(make_results(problems=("quadratic",)), "loss")
    assert "more than half of its seeds had diverged or failed" in plain(note.get_text())


def test_a_dollar_in_a_note_begins_no_formula(results, drawn, monkeypatch):
    """Notes are plain text, whoever names things."""
    monkeypatch.setattr("benchbed.reports.loss.thinned", lambda results: (results, r"cost $\frac{$ and $x$"))
    _, note = drawn(results, "loss")
    assert r"cost $\frac{$ and $x$" in note.get_text()
