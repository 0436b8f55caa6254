"""The critical-difference diagram shows the complete ranking, if there is one."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from benchbed.analysis.ranks import Ranking, critical_difference, insignificant_ranges, ranking
from benchbed.interfaces import Note
from benchbed.plotting.style import theme
from benchbed.reports import critical_difference as report
from benchbed.reports.critical_difference import draw, pieces, rank_bars, rank_labels

pytestmark = pytest.mark.slow

LONG = [f"a-name-of-sixty-four-characters-that-will-not-fit-anywhere-{i:05d}" for i in range(30)]
FEW = ("gd", "sgd", "adam")


def problems(count):
    return [f"p{number}" for number in range(count)]


@pytest.fixture
def study(make_results):
    """Return a function that builds scores on 24 problems; each optimizer is better by `step` than the last."""

    def make(optimizers=FEW, tracks=("default",), step=0.3):
        single = make_results(problems=("p",), optimizers=optimizers, tracks=tracks, seeds=2)
        generator = np.random.default_rng(5)
        skill = {name: step * index for index, name in enumerate(optimizers)}
        frames = {"outcomes": [], "summary": [], "groups": []}
        for problem in problems(24):
            scores = {
                (name, track): skill[name] + generator.normal() for name in optimizers for track in tracks
            }
            for key, of_all in frames.items():
                rows = getattr(single, key).assign(problem=problem)
                if "score" in rows:
                    rows["score"] = [
                        scores[pair] for pair in zip(rows["optimizer"], rows["track"], strict=True)
                    ]
                of_all.append(rows)
        frames_of_all = {key: pd.concat(of_all, ignore_index=True) for key, of_all in frames.items()}
        return single._replace(problems=dict.fromkeys(problems(24), single.problems["p"]), **frames_of_all)

    return make


@pytest.fixture
def draw_study(saved):
    """Return a function that draws a study and returns the saved figure."""

    def draw_results(results):
        draw(results, "")
        return saved[-1]

    return draw_results


def random_ranking(count, seed, p_value=0.01):
    """Return a ranking of `count` optimizers, some with equal mean ranks."""
    means = np.sort(np.random.default_rng(seed).integers(10, 10 * count, size=count) / 10)
    return Ranking(tuple(f"o{i}" for i in range(count)), means, 24, p_value, critical_difference(count, 24))


def one_line(text):
    """Return text on one line with ordinary spaces."""
    return re.sub(r"\s", " ", text)


def test_23_problems_are_too_few(make_results):
    """With 24 the same study has a diagram."""
    too_few, enough = (
        make_results(problems=problems(count), optimizers=FEW, tracks=("default",), seeds=2)
        for count in (23, 24)
    )
    assert pieces(too_few) == []
    assert pieces(enough) == [""]
    files = draw(enough, "")
    assert set(files) == {"plots/critical-difference.png", "plots/critical-difference.svg"}
    assert files["plots/critical-difference.png"].startswith(b"\x89PNG")
    assert "relative to the entrants" in one_line(files["plots/critical-difference.svg"].decode())


def test_a_track_that_ranks_too_few_has_no_panel(make_results, draw_study):
    """Two remain in the tuned track, because the third used the exact oracle."""
    results = make_results(
        problems=problems(24), optimizers=FEW, seeds=1,
        notes=lambda optimizer, track: (Note.EXACT_ORACLE,) if (optimizer, track) == ("gd", "tuned") else (),
    )  # fmt: skip
    titles = [axes.get_title(loc="left") for axes in draw_study(results).axes]
    assert titles == ["24 problems, default track: mean ranks, relative to the entrants"]


def test_equal_results_give_equal_bytes(study):
    """Files contain no date and no random identifier."""
    results = study()
    assert draw(results, "") == draw(results, "")


def test_the_caption_contains_the_numbers_of_the_study(study, draw_study):
    """It also counts the optimizers without a rank."""
    results = study((*FEW, "nesterov"))
    summary = results.summary
    is_exact = (summary["optimizer"] == "gd") & (summary["problem"] == "p3")
    results = results._replace(
        summary=summary.assign(notes=[(Note.EXACT_ORACLE,) if exact else () for exact in is_exact])
    )
    (note,) = draw_study(results).texts
    for phrase in (
        "Mean rank over 24 problems, by the mean score over 2 evaluation seeds",
        "Nemenyi's test at 0.05",
        "one more can change or reverse them",
        "Not ranked, because not compared: 1 optimizer.",
    ):
        assert phrase in one_line(note.get_text())
    (note,) = draw_study(study()).texts
    assert "Not ranked" not in note.get_text()


def test_the_critical_difference_is_drawn_to_scale(study, draw_study):
    """From rank 1 on the axis, labelled with its value."""
    (axes,) = draw_study(study()).axes
    expected = [1, 1 + critical_difference(3, 24)]
    assert axes.get_xlim() == (1, 3)
    assert [line for line in axes.lines if line.get_xdata().tolist() == pytest.approx(expected)]
    assert any(f"CD = {critical_difference(3, 24):.2f}" in text.get_text() for text in axes.texts)


@pytest.mark.parametrize("p_value", [0.001, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_bars_connect_insignificant_ranges(seed, p_value):
    """A bar for each range, slightly longer than it; bars on one level do not touch."""
    ranking = random_ranking(20, seed, p_value)
    bars = rank_bars(ranking, span=19)
    assert len(bars) == len(insignificant_ranges(ranking)) > 0
    for bar, (first, last) in zip(bars, insignificant_ranges(ranking), strict=True):
        assert ranking.mean_ranks[first] - 0.2 < bar.start < ranking.mean_ranks[first]
        assert ranking.mean_ranks[last] < bar.end < ranking.mean_ranks[last] + 0.2
    for first, second in itertools.combinations(bars, 2):
        assert first.level != second.level or first.end < second.start or second.end < first.start


@pytest.mark.parametrize("count", [3, 4, 23, 24])
@pytest.mark.parametrize("seed", range(5))
def test_lines_to_names_do_not_cross(count, seed):
    """Vertical parts never reach below the horizontal part of a line that passes them."""
    names = rank_labels(random_ranking(count, seed), [])
    assert sorted(name.optimizer for name in names) == sorted(f"o{i}" for i in range(count))
    for down, out in itertools.permutations(names, 2):
        is_passed = down.rank < out.rank if out.is_left else down.rank > out.rank
        assert not (is_passed and down.height < out.height)


def test_names_are_below_all_bars():
    """For any number of levels."""
    ranking = random_ranking(20, 0)
    bars = rank_bars(ranking, 19)
    lowest = -report._FIRST_BAR - report._BAR * max(bar.level for bar in bars)
    assert max(name.height for name in rank_labels(ranking, bars)) < lowest


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")  # drawn as a box, as in all figures
@pytest.mark.parametrize(
    ("names", "tracks"),
    [
        (FEW, ("default", "tuned")),
        (LONG[:24], ("tuned",)),
        ([f"{'W' * 62}{i:02d}" for i in range(24)], ("default",)),
        ([f"o{i}" for i in range(24)], ("default",)),
        ((r"$\frac{$", "a$b$", "_x", "[red]", "=cmd()", "日本"), ("default",)),
    ],
    ids=["few", "long", "wide", "many", "hostile"],
)
def test_names_are_complete_and_do_not_overlap(study, draw_study, names, tracks):
    """At the resolutions of PNG and SVG."""
    figure = draw_study(study(names, tracks, step=0.1))
    of_panels = [child for axes in figure.axes for child in axes.get_children() if isinstance(child, Text)]
    texts = [text for text in [*of_panels, *figure.texts] if text.get_text()]
    for dpi in (150, 72):
        figure.set_dpi(dpi)
        renderer = figure.canvas.get_renderer()
        with theme("measured"):  # as they were drawn
            boxes = [text.get_window_extent(renderer) for text in texts]
        for box in boxes:
            assert box.x0 >= 0 <= box.y0
            assert box.x1 <= figure.bbox.x1
            assert box.y1 <= figure.bbox.y1
        for first, second in itertools.combinations(boxes, 2):
            assert not first.overlaps(second)
    drawn_names = [re.sub(r"\s", "", text.get_text()).replace(r"\$", "$") for text in texts]
    assert all(any(re.sub(r"\s", "", name[:20]) in text for text in drawn_names) for name in names)


def test_ranks_are_among_all_optimizers(study, draw_study):
    """Only the best are drawn, with the axis, critical difference and bars of all."""
    results = study(LONG)
    figure = draw_study(results)
    (axes,) = figure.axes
    ranks = ranking(results.summary, results.outcomes, results.groups, "default")
    names = [re.sub(r"\s", "", text.get_text()) for text in axes.texts]
    is_shown = np.array([any(name[-5:] in text for text in names) for name in ranks.optimizers])
    assert axes.get_xlim() == (1, 30)
    assert any(f"CD={ranks.critical_difference:.2f}" in text for text in names)
    assert is_shown.sum() == sum("a-name-of" in text for text in names) == 24
    limited = ranks._replace(
        optimizers=tuple(np.array(ranks.optimizers)[is_shown]), mean_ranks=ranks.mean_ranks[is_shown]
    )
    expected = [[bar.start, bar.end] for bar in rank_bars(limited, 29)]
    lines = [line.get_xdata().tolist() for line in axes.lines]
    assert [line for line in lines if line in expected] == expected != []
    (note,) = figure.texts
    assert "24 best of 30 optimizers by mean score" in one_line(note.get_text())
