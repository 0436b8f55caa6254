"""Suites of figures run together, and their figures are drawn and written."""

from pathlib import Path

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.study.drawing import draw_figures, plan_of
from benchbed.study.figures import figures_of

PLUGIN = Path(__file__).with_name("figure_plugin") / "pictures.py"


@pytest.fixture
def draw(tmp_path):
    """Return a function that draws figures of the plugin in this process, into `tmp_path / "out"`."""

    def run(*names, **options):
        return draw_figures(
            names, tmp_path / "out", plugin_files=[PLUGIN], jobs=1, executor="serial", **options
        )

    return run


def test_figures_are_drawn_from_a_study_or_a_measurement(draw, tmp_path):
    """Studies, images and captions are written to their folders; results come in the order of the request."""
    lines = []
    run = draw("z2-measured", "z10", notify=lines.append)
    assert [result.caption for result in run.results] == ["The numbers are [1, 2.5].", "1 trials of 1 seeds."]
    assert [result.suites for result in run.results] == [(), ("tiny",)]
    assert run.results[1].files == {"png": "figures/z10.png", "gif": "figures/z10.gif"}
    assert (run.lost, run.warnings) == (0, ())
    output = tmp_path / "out"
    assert (output / "figures" / "z10.gif").read_bytes() == b"gif"
    assert (output / "figures" / "z10.md").read_text() == "# Last\n\n1 trials of 1 seeds.\n"
    assert (output / "studies" / "tiny" / "plan.json").exists()
    assert lines == ["measuring Measured", "tiny is done"]


def test_a_figure_that_fails_does_not_stop_the_others(draw):
    """Its error is reported, and it counts as lost."""
    run = draw("z2-measured", "z3-fails", "z10")
    assert [result.error is None for result in run.results] == [True, False, True]
    assert "no ink" in run.results[1].error
    assert run.results[1].files == {}
    assert run.lost == 1
    assert any("z3-fails" in line and "no ink" in line for line in run.warnings)


def test_a_figure_may_be_drawn_from_several_suites(draw, tmp_path):
    """It receives their studies in the order in which it names them; one suite alone does not draw it."""
    run = draw("z4-both")
    assert [result.caption for result in run.results] == ["Budgets of 7 and 3."]
    assert run.results[0].suites == ("tiny-full", "tiny")
    assert {study.name for study in (tmp_path / "out" / "studies").iterdir()} == {"tiny", "tiny-full"}
    for suite in ("tiny", "tiny-full"):
        names = {figure.name for figure in figures_of(load_catalog([PLUGIN]), suite)}
        assert names == {"z10", "z3-fails", "apart"}


def test_full_budgets_take_the_full_suite(draw):
    """A suite without a full form is run as it is; the result names the suite that was run."""
    catalog = load_catalog([PLUGIN])
    assert draw("z10", full=True).results[0].suites == ("tiny-full",)
    assert plan_of(catalog, "tiny", full=False).problems[0].budget == 3
    assert plan_of(catalog, "tiny", full=True).problems[0].budget == 7
    assert plan_of(catalog, "tiny-full", full=True).problems[0].budget == 7


def test_stored_trials_do_not_run_again(draw, tmp_path):
    """The second call has nothing left to run, unless the old study is moved aside."""
    trials = tmp_path / "out" / "studies" / "tiny" / "trials"
    draw("z10")
    first = sorted((path.name, path.stat().st_mtime_ns) for path in trials.iterdir())
    draw("z10")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in trials.iterdir()) == first
    draw("z10", fresh=True)
    assert len(list((tmp_path / "out" / "studies").iterdir())) == 2


def test_an_unknown_figure_is_rejected(draw):
    """The message suggests a near spelling."""
    with pytest.raises(UsageError, match="unknown figure 'z11'; did you mean 'z10'"):
        draw("z11")
