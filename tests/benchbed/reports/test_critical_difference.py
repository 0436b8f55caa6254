"""The critical-difference diagram shows the ranking, whole and legible, and only where there is one."""

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

LONG = [f"a-name-of-sixty-four-characters-that-will-not-fit-anywhere-{i:05d}" for i in range(30)]
FEW = ("gd", "sgd", "adam")


def problems(count):
    return [f"p{number}" for number in range(count)]


@pytest.fixture
def study(make_results):
    """Give a function that makes up the scores of a study of 24 problems: the later named, the better, by `step`."""

    def make(optimizers=FEW, tracks=("default",), step=0.3):
        one = make_results(problems=("p",), optimizers=optimizers, tracks=tracks, seeds=2)
        generator = np.random.default_rng(5)
        skill = {name: step * place for place, name in enumerate(optimizers)}
        frames = {"outcomes": [], "summary": [], "groups": []}
        for problem in problems(24):
            scores = {
                (name, track): skill[name] + generator.normal() for name in optimizers for track in tracks
            }
            for key, of_all in frames.items():
                rows = getattr(one, key).assign(problem=problem)
                if "score" in rows:
                    rows["score"] = [
                        scores[pair] for pair in zip(rows["optimizer"], rows["track"], strict=True)
                    ]
                of_all.append(rows)
        whole = {key: pd.concat(of_all, ignore_index=True) for key, of_all in frames.items()}
        return one._replace(problems=dict.fromkeys(problems(24), one.problems["p"]), **whole)

    return make


@pytest.fixture
def drawn(saved):
    """Give a function that draws a study and gives the figure as it was saved."""

    def draw_it(results):
        draw(results, "")
        return saved[-1]

    return draw_it


def made_up(count, seed, p_value=0.01):
    """Give a ranking of so many, of whom some share a mean rank."""
    means = np.sort(np.random.default_rng(seed).integers(10, 10 * count, size=count) / 10)
    return Ranking(tuple(f"o{i}" for i in range(count)), means, 24, p_value, critical_difference(count, 24))


def plain(text):
    """Give text on one line with ordinary spaces."""
    return re.sub(r"\s", " ", text)


def test_23_problems_are_too_few(make_results):
    """With one more the diagram is there; that it was not drawn for want of anything else is thereby shown."""
    few, enough = (
        make_results(problems=problems(count), optimizers=FEW, tracks=("default",), seeds=2)
        for count in (23, 24)
    )
    assert pieces(few) == []
    assert pieces(enough) == [""]
    files = draw(enough, "")
    assert set(files) == {"plots/critical-difference.png", "plots/critical-difference.svg"}
    assert files["plots/critical-difference.png"].startswith(b"\x89PNG")
    assert "relative to the entrants" in plain(files["plots/critical-difference.svg"].decode())


def test_a_track_that_ranks_too_few_has_no_panel(make_results, drawn):
    """Two are left in the tuned track when a third saw the exact oracle there."""
    results = make_results(
        problems=problems(24), optimizers=FEW, seeds=1,
        notes=lambda optimizer, track: (Note.EXACT_ORACLE,) if (optimizer, track) == ("gd", "tuned") else (),
    )  # fmt: skip
    titles = [axes.get_title(loc="left") for axes in drawn(results).axes]
    assert titles == ["24 problems, default track: mean ranks, relative to the entrants"]


def test_the_same_results_give_the_same_bytes(study):
    """No date, no random identifier."""
    results = study()
    assert draw(results, "") == draw(results, "")


def test_the_sentence_has_the_studys_numbers(study, drawn):
    """And says what one entrant more would do, and who is missing."""
    results = study((*FEW, "nesterov"))
    summary = results.summary
    is_exact = (summary["optimizer"] == "gd") & (summary["problem"] == "p3")
    results = results._replace(
        summary=summary.assign(notes=[(Note.EXACT_ORACLE,) if exact else () for exact in is_exact])
    )
    (note,) = drawn(results).texts
    for words in (
        "Mean rank over 24 problems, by the mean score over 2 evaluation seeds",
        "Nemenyi's test at 0.05",
        "one more can change or reverse them",
        "Not ranked, because not compared: 1 optimizer.",
    ):
        assert words in plain(note.get_text())
    (note,) = drawn(study()).texts
    assert "Not ranked" not in note.get_text()


def test_the_critical_difference_is_drawn_to_scale(study, drawn):
    """From rank 1 on, on the axis of the ranks, with its value."""
    (axes,) = drawn(study()).axes
    expected = [1, 1 + critical_difference(3, 24)]
    assert axes.get_xlim() == (1, 3)
    assert [line for line in axes.lines if line.get_xdata().tolist() == pytest.approx(expected)]
    assert any(f"CD = {critical_difference(3, 24):.2f}" in text.get_text() for text in axes.texts)


@pytest.mark.parametrize("p_value", [0.001, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_bars_join_what_is_insignificant_ranges(seed, p_value):
    """A bar for each set, a little longer than it, and none that touches another on its level."""
    ranking = made_up(20, seed, p_value)
    bars = rank_bars(ranking, span=19)
    assert len(bars) == len(insignificant_ranges(ranking)) > 0
    for bar, (first, last) in zip(bars, insignificant_ranges(ranking), strict=True):
        assert ranking.mean_ranks[first] - 0.2 < bar.start < ranking.mean_ranks[first]
        assert ranking.mean_ranks[last] < bar.end < ranking.mean_ranks[last] + 0.2
    for one, other in itertools.combinations(bars, 2):
        assert one.level != other.level or one.end < other.start or other.end < one.start


@pytest.mark.parametrize("count", [3, 4, 23, 24])
@pytest.mark.parametrize("seed", range(5))
def test_no_leader_line_crosses_another(count, seed):
    """A line that goes down where another goes outwards has already turned, or begins further inside."""
    names = rank_labels(made_up(count, seed), [])
    assert sorted(name.optimizer for name in names) == sorted(f"o{i}" for i in range(count))
    for down, out in itertools.permutations(names, 2):
        is_passed = down.rank < out.rank if out.is_left else down.rank > out.rank
        assert not (is_passed and down.height < out.height)


def test_names_stand_below_all_bars():
    """However many levels they take."""
    ranking = made_up(20, 0)
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
def test_every_name_is_whole_and_covers_nothing(study, drawn, names, tracks):
    """At the resolution of the PNG and at that of the SVG."""
    figure = drawn(study(names, tracks, step=0.1))
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
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
    shown = [re.sub(r"\s", "", text.get_text()).replace(r"\$", "$") for text in texts]
    assert all(any(re.sub(r"\s", "", name[:20]) in text for text in shown) for name in names)


def test_a_crowd_is_thinned_but_ranked_whole(study, drawn):
    """The ranks of the best are those among all; so are axis, critical difference and bars."""
    results = study(LONG)
    figure = drawn(results)
    (axes,) = figure.axes
    whole = ranking(results.summary, results.outcomes, results.groups, "default")
    names = [re.sub(r"\s", "", text.get_text()) for text in axes.texts]
    is_shown = np.array([any(name[-5:] in text for text in names) for name in whole.optimizers])
    assert axes.get_xlim() == (1, 30)
    assert any(f"CD={whole.critical_difference:.2f}" in text for text in names)
    assert is_shown.sum() == sum("a-name-of" in text for text in names) == 24
    kept = whole._replace(
        optimizers=tuple(np.array(whole.optimizers)[is_shown]), mean_ranks=whole.mean_ranks[is_shown]
    )
    expected = [[bar.start, bar.end] for bar in rank_bars(kept, 29)]
    lines = [line.get_xdata().tolist() for line in axes.lines]
    assert [line for line in lines if line in expected] == expected != []
    (note,) = figure.texts
    assert "24 best of 30 optimizers by mean score" in plain(note.get_text())
