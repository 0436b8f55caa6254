"""Progress of a study on stderr."""

import sys

import pytest

from benchbed.runner import progress
from benchbed.runner.progress import ProgressBar, ProgressLines, show_progress


def test_elsewhere_than_on_a_terminal_lines_are_printed(monkeypatch, capsys):
    """The first after ten seconds, with the number of trials and the last pairing."""
    monkeypatch.setattr(progress.time, "monotonic", iter([0.0, 9.0, 10.0, 10.0]).__next__)
    with show_progress() as display:
        assert isinstance(display, ProgressLines)
        display.planned(4)
        display.finished(1, "quadratic × gd")
        assert capsys.readouterr().err == ""
        display.finished(2, "quadratic × adam")
    captured = capsys.readouterr()
    assert captured.err == "3 of 4 trials, last quadratic × adam\n"
    assert captured.out == ""


def test_a_bar_counts_the_trials_on_a_terminal(monkeypatch):
    """Its total grows as trials are planned, and a label is printed literally."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with show_progress() as display:
        assert isinstance(display, ProgressBar)
        display.planned(3)
        display.planned(1)
        display.finished(3, "quadratic × [bold]")
        (task,) = display.display.tasks
    assert (task.completed, task.total, task.description) == (3, 4, "quadratic × [bold]")


@pytest.mark.parametrize("has_widgets", [True, False])
def test_a_kernel_without_widgets_prints_lines(monkeypatch, has_widgets):
    """rich needs ipywidgets to update a bar below a cell."""
    monkeypatch.setitem(sys.modules, "ipykernel", progress)
    monkeypatch.setattr(progress, "find_spec", lambda name: object() if has_widgets else None)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert progress._is_notebook() is has_widgets
