"""Every figure is drawn for every study, the odd ones included, and is the same each time."""

import functools
import math

import numpy as np
import pandas as pd
import pytest

from benchbed.reports import REPORTS
from benchbed.reports.learning_rate import lower_medians

# A critical-difference diagram needs 24 problems: `test_critical_difference.py` asks the same of it.
FIGURES = {
    report.name: report
    for report in REPORTS
    if report.name not in ("tables", "findings", "critical-difference")
}


def _assert_pictures(files, *names):
    assert set(files) == {f"plots/{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert all(data.startswith(b"\x89PNG") for name, data in files.items() if name.endswith("png"))
    assert all(b"<svg" in data for name, data in files.items() if name.endswith("svg"))


@pytest.fixture(scope="module")
def drawn(results):
    """Give a function that draws a piece of the usual results, once for all tests that look at its files."""
    return functools.cache(lambda kind, piece: FIGURES[kind].draw(results, piece))


@pytest.fixture(scope="module")
def few(make_results):
    """A smaller study: two problems, two tracks, three optimizers, two seeds."""
    return make_results(optimizers=FEW, seeds=2)


@pytest.fixture(scope="module")
def odd(make_results):
    """Give a function that makes a study of `STUDIES` up, once for all figures."""
    return functools.cache(lambda study: make_results(problems=("quadratic",), **STUDIES[study]))


@pytest.mark.parametrize("kind", ["loss", "paths", "learning-rate", "best-of-k"])
def test_each_problem_has_its_figure(few, kind):
    """As PNG and SVG, named by the problem."""
    assert FIGURES[kind].pieces(few) == ["quadratic", "quartic[noise=0.1]"]
    _assert_pictures(FIGURES[kind].draw(few, "quartic[noise=0.1]"), f"{kind}-quartic-noise-0.1")


def test_the_study_has_its_heatmap(results, drawn):
    """One figure for all problems."""
    assert FIGURES["heatmap"].pieces(results) == ["1"]
    _assert_pictures(drawn("heatmap", "1"), "heatmap")


def test_many_problems_have_several_heatmaps(make_results):
    """Ten do not fit one page."""
    results = make_results(
        problems=[f"p{i}" for i in range(10)], optimizers=("gd",), seeds=1, tracks=("default",)
    )
    assert FIGURES["heatmap"].pieces(results) == ["1", "2"]
    _assert_pictures(FIGURES["heatmap"].draw(results, "2"), "heatmap-2")


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_the_same_results_give_the_same_bytes(few, kind):
    """No date, no random identifier."""
    piece = FIGURES[kind].pieces(few)[0]
    assert FIGURES[kind].draw(few, piece) == FIGURES[kind].draw(few, piece)


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


@pytest.mark.parametrize("kind", sorted(FIGURES))
@pytest.mark.parametrize("study", STUDIES)
def test_odd_studies_are_drawn(odd, study, kind):
    """Whatever happened in it."""
    results = odd(study)
    for piece in FIGURES[kind].pieces(results):
        assert len(FIGURES[kind].draw(results, piece)) == 2


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_trials_that_never_ran_are_no_obstacle(few, kind):
    """Skipped: no calls, no checkpoint, no gap, no score, no rate."""
    skipped = few._replace(
        outcomes=few.outcomes.assign(status="skipped", calls=math.nan, gap=math.nan, learning_rate=math.nan),
        curves=few.curves[:0],
        tuning=few.tuning.assign(status="skipped", gap=math.nan),
        summary=few.summary.assign(score=math.nan, gap=math.nan, exhausted=0, diverged=0, skipped=2),
    )
    assert len(FIGURES[kind].draw(skipped, FIGURES[kind].pieces(skipped)[0])) == 2


def test_what_does_not_apply_is_not_drawn(results):
    """No surface or no plane, no paths; no tuning, no sweep; no search, no best of k."""
    assert FIGURES["best-of-k"].pieces(results._replace(best_of_k=results.best_of_k[:0])) == []
    bare = results._replace(surfaces={}, tuning=results.tuning[:0])
    assert FIGURES["paths"].draw(bare, next(iter(bare.problems))) == {}
    flat = {name: facts._replace(dimension=10) for name, facts in bare.problems.items()}
    assert FIGURES["paths"].pieces(bare._replace(problems=flat)) == []
    assert FIGURES["learning-rate"].pieces(bare) == []


def test_the_legend_counts_the_diverged(drawn):
    """Text in SVG is drawn as paths, but its words stand beside them as comments."""
    svg = drawn("loss", "quadratic")["plots/loss-quadratic.svg"].decode()
    assert "(3 of 5 diverged)" in svg
    assert "diverged" in svg


def test_the_heatmap_marks_diverged_trials(results, saved):
    """Beside the score, so that a high one with losses is not mistaken for a safe one."""
    FIGURES["heatmap"].draw(results, "1")
    assert any(text.endswith(" ×3") for text in _texts_of_cells(saved[-1]))


def test_a_cell_without_a_score_says_so(make_results, saved):
    """A dash on hatched ground."""
    results = make_results(problems=("quadratic",), without_optimum=("quadratic",), optimizers=("adam",))
    FIGURES["heatmap"].draw(results, "1")
    assert _texts_of_cells(saved[-1]) == {"–"}
    assert saved[-1].axes[0].patch.get_hatch()


def _texts_of_cells(figure):
    labels = {drawn.get_label() for axes in figure.axes for drawn in axes.collections}
    return {label for label in labels if not label.startswith("_")}


def test_a_sweep_is_the_lower_median_with_losses_infinite():
    """Of three seeds one lost leaves the middle one's larger neighbour; two lost leave nothing."""
    trials = pd.DataFrame(
        {
            "learning_rate": [0.1] * 3 + [1.0] * 3,
            "status": ["exhausted", "exhausted", "diverged", "exhausted", "failed", "diverged"],
            "gap": [0.2, 0.1, 0.0, 0.3, math.nan, math.inf],
        }
    )
    assert lower_medians(trials, "gap").to_dict() == {0.1: 0.2, 1.0: math.inf}


@pytest.mark.parametrize("value", [math.nan, math.inf, 3.0])
def test_a_surface_without_heights_is_left_blank(results, value):
    """The paths are still worth showing."""
    flat = results.surfaces["quadratic"]
    flat = flat._replace(objective=np.full_like(flat.objective, value), optimum=None, minimizer=None)
    files = FIGURES["paths"].draw(results._replace(surfaces={"quadratic": flat}), "quadratic")
    _assert_pictures(files, "paths-quadratic")
