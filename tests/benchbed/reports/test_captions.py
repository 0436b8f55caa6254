"""Captions explain each plot with the numbers of the study, and are completely visible."""

import io
import re

import pytest
from matplotlib.backends.backend_svg import RendererSVG

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.reports import REPORTS
from benchbed.reports.captions import EXACT_MARK
from benchbed.reports.ranking import MOST

pytestmark = pytest.mark.slow

# A critical-difference diagram needs 24 problems, and metrics and sweeps are not part of this study: see
# `test_critical_difference.py` and `test_metric_curves.py`.
PLOTS = {
    report.name: report
    for report in REPORTS
    if report.name not in ("page", "tables", "findings", "critical-difference", "metrics", "problem-sweep")
}
PHRASES = {
    "loss": ["median gap over 5 evaluation seeds", "1 000 calls", "Success: gap ≤ 0.001."],
    "ecdf": ["8 targets on 5 evaluation seeds", "The area under a curve is the score of the optimizer."],
    "paths": ["evaluation seed 0", "One seed is an example, not evidence."],
    "learning-rate": ["Median final gap over 3 tuning seeds", "Success: gap ≤ 0.001."],
    "best-of-k": ["drawn from the 8 that were tried", "on 5 evaluation seeds"],
    "wins": ["share of 5 evaluation seeds", "averaged over 2 problems", "p < 0.05"],
    "heatmap": ["Mean score over 5 evaluation seeds", "×n: n trials diverged or failed."],
    "profile": ["Share of 10 cases", "gap ≤ 0.001", "one more can change or reverse them"],
}


@pytest.fixture
def draw_plot(saved):
    """Return a function that draws a piece and returns the figure and its caption."""

    def draw(results, kind, problem=None):
        default = PLOTS[kind].pieces(results)[0]
        PLOTS[kind].draw(results, default if problem is None else problem)
        (caption,) = saved[-1].texts
        return saved[-1], caption

    return draw


def svg_renderer(figure):
    """Return a renderer that measures text without hinting."""
    return RendererSVG(*figure.bbox.size, io.StringIO())


def one_line(caption):
    """Return the caption on one line with ordinary spaces."""
    return re.sub(r"\s", " ", caption.get_text())


@pytest.mark.parametrize("kind", sorted(PLOTS))
def test_captions_contain_the_numbers_of_the_study(results, draw_plot, kind):
    """Seeds, budgets, targets and limits are those of the study."""
    _, caption = draw_plot(results, kind)
    assert [phrase for phrase in PHRASES[kind] if phrase not in one_line(caption)] == []
    assert caption.get_text().endswith(".")


@pytest.mark.parametrize("kind", sorted(PLOTS))
@pytest.mark.parametrize("count", [2, 7])
def test_captions_are_not_clipped_and_overlap_nothing(make_results, draw_plot, kind, count):
    """At the resolutions of PNG and SVG, also in the narrowest figures."""
    names = ("adam", "sgd", "gd", "momentum", "nesterov", "a", "b")[:count]
    figure, caption = draw_plot(make_results(optimizers=names, seeds=2), kind)
    assert caption.get_fontsize() == 8
    for dpi, make_renderer in ((150, figure.canvas.get_renderer), (72, lambda: svg_renderer(figure))):
        figure.set_dpi(dpi)
        renderer = make_renderer()
        box = caption.get_window_extent(renderer)
        assert box.x0 > 0 < box.y0
        assert box.x1 < figure.bbox.x1
        assert box.y1 < min(axes.get_tightbbox(renderer).y0 for axes in figure.axes)


@pytest.mark.parametrize("kind", ["loss", "wins", "heatmap"])
def test_captions_mention_optimizers_that_were_left_out(make_results, draw_plot, kind):
    """At most 24 are drawn."""
    results = make_results(
        problems=("quadratic",), optimizers=[f"o{i}" for i in range(MOST + 1)], seeds=1, tracks=("default",)
    )
    _, caption = draw_plot(results, kind)
    assert one_line(caption).endswith(
        "Only the 24 best of 25 optimizers by mean score; the tables contain all of them."
    )


@pytest.mark.parametrize("kind", ["loss", "ecdf", "paths"])
def test_the_exact_oracle_is_marked(results, draw_plot, kind):
    """In the legend or the titles of the panels, and in the caption, and only if it was used."""
    exact = results.outcomes.assign(
        oracle=results.outcomes["oracle"].where(results.outcomes["optimizer"] != "gd", "exact")
    )
    figure, caption = draw_plot(results._replace(outcomes=exact), kind)
    if kind == "paths":
        names = [axes.get_title(loc="left") for axes in figure.axes[: len(results.optimizers)]]
    else:
        names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [name for name in names if EXACT_MARK in name] == [f"gd {EXACT_MARK}"]
    assert f"{EXACT_MARK}: used the exact oracle, so not compared." in one_line(caption)
    _, unmarked = draw_plot(results, kind)
    assert EXACT_MARK not in unmarked.get_text()


@pytest.mark.parametrize("change", [{"oracle": "exact"}, {"status": "skipped"}])
def test_the_overall_ecdf_counts_missing_optimizers(results, draw_plot, change):
    """An optimizer without an overall score has no curve."""
    is_gd = results.outcomes["optimizer"] == "gd"
    outcomes = results.outcomes.assign(
        **{column: results.outcomes[column].where(~is_gd, value) for column, value in change.items()}
    )
    figure, caption = draw_plot(results._replace(outcomes=outcomes), "ecdf", ALL_PROBLEMS)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(legend) == 6
    assert "gd" not in legend
    assert "Not drawn, because without an overall score: 1 optimizer." in one_line(caption)


def test_captions_mention_only_what_is_drawn(make_results, draw_plot):
    """One seed has no median and no band; without an optimum there is neither a gap nor success."""
    results = make_results(problems=("open",), without_optimum=("open",), seeds=1, lost=lambda *_: False)
    figure, caption = draw_plot(results, "loss")
    assert len(figure.axes) > len(results.tracks)
    assert one_line(caption).startswith("Line: objective on one evaluation seed.")
    assert not any(phrase in one_line(caption) for phrase in ("Band", "gap", "Success", "×"))


def test_crosses_are_explained(make_results, draw_plot):
    """Three of five seeds are lost, so the median is infinite."""
    _, caption = draw_plot(make_results(problems=("quadratic",)), "loss")
    assert "×: from here on more than half of the seeds have diverged or failed." in one_line(caption)


def test_captions_are_not_read_as_formulas(results, draw_plot, monkeypatch):
    """A dollar sign is drawn literally."""
    note = r"cost $\frac{$ and $x$"
    monkeypatch.setattr("benchbed.reports.loss.limit_optimizers", lambda results: (results, note))
    _, caption = draw_plot(results, "loss")
    assert note in caption.get_text()


def test_rates_that_never_reach_the_target_are_mentioned(results, draw_plot):
    """Once in the caption instead of in every entry of the legend."""
    phrase = "No learning rate reaches it in the median."
    _, caption = draw_plot(results, "learning-rate")
    assert phrase not in one_line(caption)
    unreached = results._replace(measures=results.measures.assign(robustness_decades=0.0))
    figure, caption = draw_plot(unreached, "learning-rate")
    assert phrase in one_line(caption)
    assert "decades" not in "".join(text.get_text() for text in figure.axes[0].get_legend().get_texts())
