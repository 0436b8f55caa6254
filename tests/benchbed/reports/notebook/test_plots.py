"""Plots for a notebook, and the values that they draw."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from benchbed.analysis.tidy import tidy_curves
from benchbed.errors import UsageError
from benchbed.plotting.style import line_styles, palette
from benchbed.reports.bands import quartiles
from benchbed.reports.ecdf import targets_reached
from benchbed.reports.notebook.plots import PLOTS, draw_plot

pytestmark = pytest.mark.slow

NAMES = ("gd", "sgd", "adam")


@pytest.fixture(scope="module")
def study(make_results):
    """Two problems, the second without an optimum, and three optimizers; three of five trials of `sgd` diverge."""
    results = make_results(optimizers=NAMES, problems=("quadratic", "quartic"), without_optimum=("quartic",))
    calls = results.outcomes["calls_to_target"].where(results.outcomes["problem"] == "quadratic")
    calls = [value if isinstance(value, list) else [] for value in calls]
    return results._replace(outcomes=results.outcomes.assign(calls_to_target=calls))


@pytest.fixture
def draw(study):
    """Return a function that draws a plot of the study, and close all figures at the end."""

    def draw(kind, problem=None, optimizer=None, track=None, results=study, **arguments):
        return draw_plot(results, kind, problem, optimizer, track, arguments)

    yield draw
    plt.close("all")


def line_of(axes, number):
    """Return the points of a line that seaborn has drawn."""
    return axes.lines[number].get_xydata()


def test_the_loss_is_the_median_of_the_tables(study, draw):
    """All trials count at every number of calls: the lower median of the quartiles in the built-in plot."""
    axes = draw("loss", "quadratic", track="tuned").axes.flat[0]
    trials = study.outcomes.query("problem == 'quadratic' and track == 'tuned' and optimizer == 'adam'")
    band = quartiles(trials, study.curves, "gap", 1000)
    np.testing.assert_allclose(line_of(axes, 2), band[["calls", "median"]], rtol=1e-12)


@pytest.mark.parametrize("seeds", [2, 5])
def test_the_band_is_that_of_the_tables(make_results, draw, seeds):
    """Without interpolation, so that it contains the lower median of two trials."""
    results = make_results(optimizers=("adam",), problems=("quadratic",), seeds=seeds, lost=lambda *_: False)
    axes = draw("loss", track="tuned", results=results).axes.flat[0]
    trials = results.outcomes.query("track == 'tuned'")
    band = quartiles(trials, results.curves, "gap", 1000)
    edges = np.concatenate([band[["calls", "lower"]], band[["calls", "upper"]]])
    (drawn,) = [path.vertices for path in axes.collections[0].get_paths()]
    np.testing.assert_allclose(np.unique(drawn, axis=0), np.unique(edges, axis=0), rtol=1e-12)


def test_a_lost_median_lies_in_the_strip_above_the_axis(draw):
    """Three of five trials of sgd diverge, so that its median ends above all measured values."""
    axes = draw("loss", "quadratic", track="tuned").axes.flat[0]
    others = np.concatenate([line_of(axes, 0), line_of(axes, 2)])
    assert line_of(axes, 1)[-1, 1] > others[:, 1].max() * 100
    assert "diverged\nor failed" in [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize("kind", ["loss", "learning-rate"])
def test_skipped_trials_are_not_drawn_as_lost(study, draw, kind):
    """As in the built-in plots, an optimizer whose trials were skipped has no line, and no strip."""
    frames = {}
    for name in ("outcomes", "tuning"):
        frame = getattr(study, name)
        frame = frame[(frame["status"] != "diverged") | (frame["optimizer"] == "sgd")]
        skipped = frame["optimizer"] == "sgd"
        endings = {"status": "skipped", "gap": math.inf, "objective": math.inf}
        frames[name] = frame.assign(
            **{column: frame[column].mask(skipped, value) for column, value in endings.items()}
        )
    track = "tuned" if kind == "loss" else None
    axes = draw(kind, "quadratic", track=track, results=study._replace(**frames)).axes.flat[0]
    assert "diverged\nor failed" not in [label.get_text() for label in axes.get_yticklabels()]
    drawn = {line.get_color() for line in axes.lines if len(line.get_xdata()) > 2}
    assert drawn == {palette(NAMES)["gd"], palette(NAMES)["adam"]}


def test_panels_are_problems_and_tracks(draw):
    """A row a problem, a column a track; only the outer axes are labelled, objectives as such."""
    grid = draw("loss")
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in grid.axes.flat]
    assert titles == [
        f"{problem}, {track} track" for problem in ("quadratic", "quartic") for track in ("default", "tuned")
    ]
    labels = [axes.get_ylabel() for axes in grid.axes.flat]
    assert labels == ["gap (f − f*) / Δ", "", "objective f (no known optimum)", ""]


def test_an_optimizer_has_one_color_in_every_plot(draw):
    """It does not depend on the selection."""
    for kind in ("loss", "targets", "learning-rate", "best-of-k"):
        axes = draw(
            kind, "quadratic", "adam", *([None] if kind in ("learning-rate", "best-of-k") else ["tuned"])
        ).axes.flat[0]
        assert axes.lines[0].get_color() == palette(NAMES)["adam"]


def test_targets_that_were_not_reached_are_counted(study, draw):
    """The share at the budget is that of the built-in plot, of all trials and targets."""
    axes = draw("targets", "quadratic", track="tuned").axes.flat[0]
    drawn = {tuple(line.get_color()): line.get_xydata() for line in axes.lines}
    for name in NAMES:
        trials = study.outcomes.query("problem == 'quadratic' and track == 'tuned' and optimizer == @name")
        share = targets_reached(trials, study.problems["quadratic"])["share"].iloc[-1]
        points = drawn[palette(NAMES)[name]]
        assert points[points[:, 0] <= 1000][-1, 1] == pytest.approx(share)
        assert share < 1


def test_curves_of_targets_have_dashes_and_are_not_on_the_frame(study, draw):
    """As in the other plots; a curve along 0 is visible, and equal curves do not hide each other."""
    grid = draw("targets", "quadratic", track="tuned")
    styles = line_styles(NAMES)
    for lines in (grid.axes.flat[0].lines, grid.legend.get_lines()):
        drawn = {to_hex(line.get_color()): line.get_linestyle() for line in lines}
        assert drawn == {
            to_hex(styles[name].color): Line2D([], [], linestyle=styles[name].dashes).get_linestyle()
            for name in NAMES
        }
    above = sorted(grid.axes.flat[0].lines, key=lambda line: line.get_zorder())
    assert [to_hex(line.get_color()) for line in above] == [to_hex(styles[name].color) for name in NAMES]
    assert grid.axes.flat[0].get_ylim()[0] < 0
    plain = draw("targets", "quadratic", track="tuned", linestyle=":")
    assert {line.get_linestyle() for line in plain.axes.flat[0].lines} == {":"}


def test_learning_rates_have_the_median_of_all_tuning_trials(study, draw):
    """Where all trials diverged, the point is in the strip, and not left out."""
    axes = draw("learning-rate", "quadratic").axes.flat[0]
    rates = (
        study.tuning.query("problem == 'quadratic' and optimizer == 'gd'")
        .groupby("learning_rate")["gap"]
        .median()
    )
    points = line_of(axes, 0)
    np.testing.assert_allclose(points[:, 0], rates.index)
    is_lost = np.isinf(rates)
    assert is_lost.any()
    np.testing.assert_allclose(points[~is_lost, 1], rates[~is_lost])
    assert points[is_lost, 1].min() > points[~is_lost, 1].max()


def test_scores_have_a_cell_for_each_optimizer_and_problem(study, draw):
    """A panel a track; problems without a score are left out."""
    grid = draw("scores", cmap="Greens")
    texts = [[text.get_text() for text in axes.texts] for axes in grid.axes.flat]
    scores = study.summary.query("problem == 'quadratic'")["score"].map("{:.3f}".format)
    assert [text.split()[0] for panel in texts for text in panel] == list(scores)
    assert grid.axes.flat[0].collections[0].get_cmap().name == "Greens"


def test_metrics_are_drawn(study, draw):
    """A row a metric; trials that diverged have no value from their end on."""
    curves = study.curves.assign(
        accuracy=study.curves["gap"].rank(pct=True).where(study.curves["gap"].notna())
    )
    grid = draw("metrics", track="tuned", results=study._replace(curves=curves))
    assert [axes.get_ylabel() for axes in grid.axes.flat] == ["accuracy"]
    assert len([line for line in grid.axes.flat[0].lines if len(line.get_xdata())]) == len(NAMES)


def test_arguments_of_seaborn_replace_the_defaults(draw):
    """Each trial as a line, colored by track, in one panel."""
    options = {"units": "seed", "estimator": None, "errorbar": None, "hue": "track", "col": None, "height": 4}
    grid = draw("loss", "quadratic", "gd", **options)
    assert grid.axes.shape == (1, 1)
    assert len([line for line in grid.axes.flat[0].lines if len(line.get_xdata()) > 2]) == 10
    assert grid.figure.get_size_inches()[1] == pytest.approx(4)


@pytest.mark.parametrize(("optimizers", "bands"), [(NAMES, 3), ((*NAMES, "lion"), 0)])
def test_bands_are_drawn_for_few_optimizers(make_results, draw, optimizers, bands):
    """The quartiles of more than three optimizers would cover each other."""
    study = make_results(optimizers=optimizers, problems=("quadratic",), tracks=("tuned",))
    axes = draw("loss", results=study).axes.flat[0]
    assert len([band for band in axes.collections if len(band.get_paths())]) == bands


@pytest.mark.parametrize("kind", ["loss", "targets", "learning-rate", "scores"])
@pytest.mark.parametrize(
    "options",
    [{"lost": lambda *_: True}, {"seeds": 1, "tracks": ("default",), "optimizers": ("gd",)}],
    ids=["all trials lost", "one trial"],
)
def test_unusual_studies_are_drawn(make_results, draw, kind, options):
    """Without a warning."""
    study = make_results(**{"optimizers": ("gd", "adam"), "problems": ("quadratic",), **options})
    draw(kind, results=study).figure.canvas.draw()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ("los",),
            "unknown plot 'los'; did you mean 'loss'\\?; choose one of loss, targets, learning-rate, scores, ",
        ),
        (
            ("loss", "quadratik"),
            "unknown problem 'quadratik'; did you mean 'quadratic'\\?; this study has quadratic, q",
        ),
        (
            ("loss", None, "adamm"),
            "unknown optimizer 'adamm'; did you mean 'adam'\\?; this study has gd, sgd, adam",
        ),
        (("loss", None, None, "best"), "unknown track 'best'; this study has default, tuned"),
        (
            ("targets", "quartic"),
            "nothing to draw: the study, or the selected part of it, has no problem with a score",
        ),
        (("metrics",), "has no metric at checkpoints"),
    ],
)
def test_a_mistake_has_one_sentence(draw, arguments, error):
    """It lists the known names."""
    with pytest.raises(UsageError, match=error):
        draw(*arguments)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"x": "gap"}, "the plot 'loss' sets x itself"),
        ({"row": None}, "a panel would mix 2 problems; pass row='problem' or select one by problem=…"),
        ({"col": None}, "a panel would mix 2 tracks; pass row='track' or select one by track=…"),
    ],
)
def test_values_that_are_not_comparable_are_not_mixed(draw, options, error):
    """Gaps of two problems, or of trials with default and tuned settings, have no common median."""
    with pytest.raises(UsageError, match=error):
        draw("loss", **options)


def test_names_are_drawn_literally(make_results, draw):
    """Neither mathematics nor a leading underscore hides a name."""
    name = "_mine[formula=$x$]"
    grid = draw("loss", track="tuned", results=make_results(optimizers=(name, "gd"), problems=("quadratic",)))
    grid.figure.canvas.draw()
    assert [text.get_text().replace("\\$", "$").strip() for text in grid.legend.texts] == [name, "gd"]


def test_every_kind_is_documented():
    """The documentation lists each kind with its function of seaborn."""
    page = (Path(__file__).parents[4] / "docs" / "notebook.md").read_text(encoding="utf-8")
    assert [kind for kind in PLOTS if f"| `{kind}` |" not in page] == []


def test_curves_do_not_change_when_they_are_drawn(study, draw):
    """The results are shared by all plots."""
    before = tidy_curves(study)
    draw("loss", "quadratic")
    assert tidy_curves(study).equals(before)
    assert math.isinf(before["gap"].max())
