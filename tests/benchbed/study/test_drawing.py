"""Suites of figures run together, and their figures are drawn and written."""

import time
from pathlib import Path

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.study import drawing
from benchbed.study.drawing import draw_figures
from benchbed.study.figures import figures_of
from benchbed.study.running import complete

FAILING = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer


def failing():
    def update(oracle, state, theta):
        raise RuntimeError("no step")

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_optimizers(register):
    register(failing)
"""
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


@pytest.mark.parametrize("executor", ["serial", "benchbed.executors:SerialExecutor"])
def test_studies_in_this_process_run_one_after_the_other(executor, monkeypatch, tmp_path):
    """Their figures change the style of matplotlib while they are drawn, which all threads of a process share."""
    running, most = [], []

    def record(*arguments):
        running.append(None)
        time.sleep(0.1)
        most.append(len(running))
        try:
            return complete(*arguments)
        finally:
            running.pop()

    monkeypatch.setattr(drawing, "complete", record)
    draw_figures(["z4-both"], tmp_path / "out", plugin_files=[PLUGIN], jobs=1, executor=executor)
    assert most == [1, 1]


def test_full_budgets_take_the_full_suite(draw):
    """The result names the suite that was run."""
    assert draw("z10", full=True).results[0].suites == ("tiny-full",)


def test_added_optimizers_run_where_a_figure_takes_them(draw, tmp_path):
    """They are in the study of the figure that takes them, and the stored trials of its suite do not run again."""
    draw("z5-takes")
    trials = tmp_path / "out" / "studies" / "tiny-other" / "trials"
    (gd,) = trials.iterdir()
    written = gd.stat().st_mtime_ns
    run = draw("z10", "z5-takes", optimizers=["adam", "adam[beta1=0.5]"])
    assert [result.caption for result in run.results] == [
        "1 trials of 1 seeds.",
        "Optimizers: gd, adam, adam[beta1=0.5].",
    ]
    assert run.lost == 0
    assert len(list(trials.iterdir())) == 2
    assert gd.stat().st_mtime_ns == written
    assert any("tiny-other held another plan" in line for line in run.warnings)


def test_trials_that_fail_are_warnings(tmp_path):
    """A line for each error, with the suite; the figure itself is drawn."""
    failing = tmp_path / "failing.py"
    failing.write_text(FAILING, encoding="utf-8")
    options = {"plugin_files": [PLUGIN, failing], "jobs": 1, "executor": "serial"}
    run = draw_figures(["z5-takes"], tmp_path / "out", optimizers=["failing", "adam"], **options)
    assert run.results[0].error is None
    assert run.lost == 1
    (line,) = [line for line in run.warnings if line.startswith("tiny-other: ")]
    assert line == "tiny-other: 1 trial failed: quadratic[start=2] × failing: RuntimeError: no step"


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


def test_an_optimizer_that_cannot_be_used_is_rejected(draw, tmp_path):
    """Before anything runs; and so is a plugin file that cannot be loaded."""
    with pytest.raises(UsageError, match="unknown optimizer 'adma'; did you mean 'adan'"):
        draw("z5-takes", optimizers=["adma"])
    with pytest.raises(UsageError, match="none of these figures takes optimizers: z10, apart; see"):
        draw("z10", "apart", optimizers=["adam"])
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('no plugin')\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no plugin"):
        draw_figures(["z10"], tmp_path / "out", plugin_files=[PLUGIN, broken], executor="serial")
    assert not (tmp_path / "out").exists()
