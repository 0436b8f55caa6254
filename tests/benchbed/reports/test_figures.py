"""Every plot is drawn for every study, unusual ones included, and equal results give equal bytes."""

import functools
import math

import numpy as np
import pandas as pd
import pytest

from benchbed.reports import REPORTS
from benchbed.reports.bands import lower_medians

pytestmark = pytest.mark.slow

# A critical-difference diagram needs 24 problems: see `test_critical_difference.py`.
PLOTS = {
    report.name: report
    for report in REPORTS
    if report.name not in ("page", "tables", "findings", "critical-difference")
}
FEW = ("gd", "sgd", "adam")
LONG = [f"a-name-of-sixty-four-characters-that-will-not-fit-anywhere-{i:05d}" for i in range(25)]
STUDIES = {
    "one of everything": {"optimizers": ("adam",), "tracks": ("default",), "seeds": 1},
    "everything diverged": {"optimizers": FEW, "lost": lambda *_: True},
    "no optimum": {"optimizers": FEW, "without_optimum": ("quadratic",)},
    "no optimum, everything diverged": {
        "optimizers": FEW,
        "without_optimum": ("quadratic",),
        "lost": lambda *_: True,
    },
    "hostile names": {"optimizers": (r"$\frac{$", "a$b$", "_x", "[red]", "=cmd()", "日本"), "seeds": 2},
    "many long names": {"optimizers": LONG, "tracks": ("tuned",), "seeds": 1},
}


def assert_images(files, *names):
    assert set(files) == {f"plots/{name}.{suffix}" for name in names for suffix in ("png", "svg")}
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith("png"))
    assert all(b"<svg" in content for name, content in files.items() if name.endswith("svg"))


@pytest.fixture(scope="module")
def draw_cached(results):
    """Return a function that draws a part of the usual results once."""
    return functools.cache(lambda kind, name: PLOTS[kind].draw(results, name))


@pytest.fixture(scope="module")
def small(make_results):
    """Two problems, two tracks, three optimizers, two seeds."""
    return make_results(optimizers=FEW, seeds=2)


@pytest.fixture(scope="module")
def study_of(make_results):
    """Return a function that builds a study of `STUDIES` once."""
    return functools.cache(lambda study: make_results(problems=("quadratic",), **STUDIES[study]))


@pytest.mark.parametrize("kind", ["loss", "paths", "learning-rate", "best-of-k"])
def test_each_problem_has_its_plot(small, kind):
    """As PNG and SVG, named by the problem."""
    assert PLOTS[kind].pieces(small) == ["quadratic", "quartic[noise=0.1]"]
    assert_images(PLOTS[kind].draw(small, "quartic[noise=0.1]"), f"{kind}-quartic-noise-0.1")


def test_the_study_has_its_heatmap(results, draw_cached):
    """One figure for all problems."""
    assert PLOTS["heatmap"].pieces(results) == ["1"]
    assert_images(draw_cached("heatmap", "1"), "heatmap")


def test_many_problems_have_several_heatmaps(make_results):
    """Ten do not fit in one figure."""
    results = make_results(
        problems=[f"p{i}" for i in range(10)], optimizers=("gd",), seeds=1, tracks=("default",)
    )
    assert PLOTS["heatmap"].pieces(results) == ["1", "2"]
    assert_images(PLOTS["heatmap"].draw(results, "2"), "heatmap-2")


@pytest.mark.parametrize("kind", sorted(PLOTS))
def test_equal_results_give_equal_bytes(small, kind):
    """Files contain no date and no random identifier."""
    for name in PLOTS[kind].pieces(small)[:1]:  # without metrics their plot has no piece
        assert PLOTS[kind].draw(small, name) == PLOTS[kind].draw(small, name)


@pytest.mark.parametrize("kind", sorted(PLOTS))
@pytest.mark.parametrize("study", STUDIES)
def test_unusual_studies_are_drawn(study_of, study, kind):
    """Every piece gives a PNG and an SVG."""
    results = study_of(study)
    for name in PLOTS[kind].pieces(results):
        assert len(PLOTS[kind].draw(results, name)) == 2


@pytest.mark.parametrize("kind", sorted(PLOTS))
def test_skipped_trials_are_drawn(small, kind):
    """They have no calls, checkpoints, gap, score or rate."""
    skipped = small._replace(
        outcomes=small.outcomes.assign(
            status="skipped", calls=math.nan, gap=math.nan, learning_rate=math.nan
        ),
        curves=small.curves[:0],
        tuning=small.tuning.assign(status="skipped", gap=math.nan),
        summary=small.summary.assign(score=math.nan, gap=math.nan, exhausted=0, diverged=0, skipped=2),
    )
    for name in PLOTS[kind].pieces(skipped)[:1]:
        assert len(PLOTS[kind].draw(skipped, name)) == 2


def test_plots_that_do_not_apply_are_not_drawn(results):
    """Paths need a surface and two dimensions, sweeps a tuned rate, the best of k a search."""
    assert PLOTS["best-of-k"].pieces(results._replace(best_of_k=results.best_of_k[:0])) == []
    bare = results._replace(surfaces={}, tuning=results.tuning[:0])
    assert PLOTS["paths"].draw(bare, next(iter(bare.problems))) == {}
    high_dimensional = {name: facts._replace(dimension=10) for name, facts in bare.problems.items()}
    assert PLOTS["paths"].pieces(bare._replace(problems=high_dimensional)) == []
    assert PLOTS["learning-rate"].pieces(bare) == []


def test_many_optimizers_have_small_panels(results, small, saved):
    """Each in its own color, before the medians of the others in grey; three share one panel."""
    PLOTS["loss"].draw(results, "quadratic")
    titles = [axes.get_title(loc="left") for axes in saved[-1].axes]
    assert titles.count("adam") == len(results.tracks)
    assert len(titles) == len(results.tracks) * (1 + len(results.optimizers))
    PLOTS["loss"].draw(small, "quadratic")
    assert len(saved[-1].axes) == len(small.tracks)


def test_the_legend_counts_diverged_trials(draw_cached):
    """SVG contains text as paths, with the text in a comment beside them."""
    svg = draw_cached("loss", "quadratic")["plots/loss-quadratic.svg"].decode()
    assert "(3 of 5 diverged)" in svg


def cell_texts(figure):
    return [text for axes in figure.axes for text in axes.texts]


def test_the_heatmap_counts_diverged_trials(results, saved):
    """The count stands beside the score."""
    PLOTS["heatmap"].draw(results, "1")
    assert any(text.get_text().endswith(" ×3") for text in cell_texts(saved[-1]))


def test_the_heatmap_prints_the_leading_scores_in_bold(results, saved):
    """As many as the first groups of the tables have members."""
    PLOTS["heatmap"].draw(results, "1")
    bold = [text for text in cell_texts(saved[-1]) if text.get_fontweight() == "bold"]
    groups = results.groups[results.groups["problem"] != ""]
    assert len(bold) == int((groups["group"] == 1).sum())


def test_heatmap_colors_are_relative_to_the_problem(results, saved):
    """The highest score of each problem is 1, so that low scores can be distinguished."""
    PLOTS["heatmap"].draw(results, "1")
    colors = np.stack([axes.collections[0].get_array() for axes in saved[-1].axes[:2]])
    np.testing.assert_allclose(colors.max(axis=(0, 1)), 1)


def test_a_cell_without_a_score_has_a_dash(make_results, saved):
    """On a hatched background."""
    results = make_results(problems=("quadratic",), without_optimum=("quadratic",), optimizers=("adam",))
    PLOTS["heatmap"].draw(results, "1")
    assert {text.get_text() for text in cell_texts(saved[-1])} == {"–"}
    assert saved[-1].axes[0].patch.get_hatch()


def test_a_skipped_pairing_has_a_dash(make_results, saved):
    """It did not score 0."""
    results = make_results(problems=("quadratic",), tracks=("tuned",), lost=lambda *_: False)
    is_skipped = results.summary["optimizer"] == results.optimizers[-1]
    summary = results.summary.assign(
        skipped=is_skipped * 5, score=results.summary["score"].mask(is_skipped, 0.0)
    )
    PLOTS["heatmap"].draw(results._replace(summary=summary), "1")
    assert [text.get_text() for text in cell_texts(saved[-1])][-1] == "–"


@pytest.mark.parametrize("kind", ["loss", "learning-rate"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_line_along_the_lower_edge_is_not_on_the_frame(make_results, kind, lost, saved):
    """The frame would hide gaps of 0, which are drawn at the lower edge."""
    usual = make_results(optimizers=("gd",), problems=("quadratic",), tracks=("tuned",), lost=lambda *_: lost)
    curves, tuning = (frame.assign(gap=frame["gap"] * 0) for frame in (usual.curves, usual.tuning))
    PLOTS[kind].draw(usual._replace(curves=curves, tuning=tuning.fillna({"gap": 0})), "quadratic")
    for axes in saved[-1].axes:
        drawn = np.concatenate([line.get_ydata() for line in axes.lines if len(line.get_ydata()) > 2])
        assert axes.get_ylim()[0] < np.nanmin(drawn)


def test_a_sweep_is_the_lower_median_over_seeds():
    """Lost trials count as infinite: with one of three lost it is the larger of the others, with two infinite."""
    trials = pd.DataFrame(
        {
            "learning_rate": [0.1] * 3 + [1.0] * 3,
            "status": ["exhausted", "exhausted", "diverged", "exhausted", "failed", "diverged"],
            "gap": [0.2, 0.1, 0.0, 0.3, math.nan, math.inf],
        }
    )
    assert lower_medians(trials, "gap", ["learning_rate"]).to_dict() == {0.1: 0.2, 1.0: math.inf}


@pytest.mark.parametrize("minimizer", [None, (0.0, 0.0)])
def test_the_caption_of_paths_explains_a_star_that_is_drawn(results, minimizer, saved):
    """The minimizer may be unknown."""
    surface = results.surfaces["quadratic"]._replace(minimizer=minimizer)
    PLOTS["paths"].draw(results._replace(surfaces={"quadratic": surface}), "quadratic")
    assert ("Star: minimizer." in saved[-1].texts[0].get_text().replace("\n", " ")) == (minimizer is not None)


@pytest.mark.parametrize("value", [math.nan, math.inf, 3.0])
def test_paths_are_drawn_without_contours(results, value):
    """Where the objective is constant or not finite."""
    flat = results.surfaces["quadratic"]
    flat = flat._replace(objective=np.full_like(flat.objective, value), optimum=None, minimizer=None)
    files = PLOTS["paths"].draw(results._replace(surfaces={"quadratic": flat}), "quadratic")
    assert_images(files, "paths-quadratic")


@pytest.mark.parametrize("kind", ["loss", "learning-rate"])
def test_skipped_trials_are_not_drawn_as_lost(make_results, kind, saved):
    """No strip, no mark in it and no sentence on lost trials; the legend of the loss counts the skipped ones."""
    usual = make_results(optimizers=("gd", "adam"), problems=("quadratic",), seeds=2, lost=lambda *_: False)
    tuning = usual.tuning[np.isfinite(usual.tuning["gap"])].copy()
    outcomes, changes = usual.outcomes.copy(), ("skipped", math.nan, math.nan)
    outcomes.loc[outcomes["optimizer"] == "adam", ["status", "calls", "gap"]] = changes
    tuning.loc[tuning["optimizer"] == "adam", ["status", "calls", "gap"]] = changes
    curves = usual.curves[
        ~usual.curves["trial_key"].isin(outcomes["trial_key"][outcomes["status"] == "skipped"])
    ]
    PLOTS[kind].draw(usual._replace(outcomes=outcomes, tuning=tuning, curves=curves), "quadratic")
    (caption,) = saved[-1].texts
    assert "diverged or failed" not in caption.get_text().replace("\n", " ")
    for axes in saved[-1].axes:
        assert "diverged\nor failed" not in [label.get_text() for label in axes.get_yticklabels()]
        assert any("adam" in text.get_text() for text in axes.get_legend().texts)
        if kind == "loss":
            assert any("2 of 2 skipped" in text.get_text() for text in axes.get_legend().texts)


@pytest.mark.parametrize("kind", ["loss", "learning-rate"])
def test_captions_say_which_values_are_clipped(small, kind, saved):
    """When and only when a value lies below the axis."""
    for factor, is_clipped in ((1.0, False), (1e-30, True)):
        tuning, curves = (frame.assign(gap=frame["gap"] * factor) for frame in (small.tuning, small.curves))
        PLOTS[kind].draw(small._replace(tuning=tuning, curves=curves), "quadratic")
        assert (
            "are drawn at the lower edge." in saved[-1].texts[0].get_text().replace("\n", " ")
        ) == is_clipped
