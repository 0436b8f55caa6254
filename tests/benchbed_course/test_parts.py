"""The parts of the course select its figures."""

from pathlib import Path

import pytest

import benchbed
from benchbed_course.figure_list import FIGURES
from benchbed_course.parts import SUBJECTS, figures_of_parts

PLUGIN = Path(__file__).parents[1] / "benchbed" / "study" / "figure_plugin" / "pictures.py"


def test_figures_come_in_the_order_of_their_parts():
    """Z2 comes before Z10, and a figure without a part does not belong to a course."""
    catalog = benchbed.load_catalog([PLUGIN])
    names = [figure.name for figure in figures_of_parts(catalog, ["Z10", "z3", "Z2"])]
    assert names == ["z2-measured", "z3-fails", "z10"]
    assert "apart" not in [figure.name for figure in figures_of_parts(catalog, [])]


def test_an_unknown_part_is_rejected():
    """The message suggests a near spelling, or lists the parts."""
    catalog = benchbed.load_catalog([PLUGIN])
    with pytest.raises(benchbed.UsageError, match=r"unknown part 'Z11'; did you mean 'Z10'\?"):
        figures_of_parts(catalog, ["Z11"])
    with pytest.raises(benchbed.UsageError, match=r"unknown part 'momentum'; the parts are C1, C2, C3,"):
        figures_of_parts(catalog, ["momentum"])


def test_all_parts_are_those_that_take_optimizers():
    """With optimizers; named parts are selected whole."""
    catalog = benchbed.load_catalog([PLUGIN])
    parts = {figure.part for figure in figures_of_parts(catalog, [], takes_optimizers=True)}
    assert parts == {*(f"C{number}" for number in range(1, 11)), "Z5"}
    names = [figure.name for figure in figures_of_parts(catalog, ["C7", "c13"], takes_optimizers=True)]
    assert names == ["quadratic-paths", "quadratic-rates", "quadratic-edge", "minimize"]


def test_without_figures_nothing_is_selected(monkeypatch):
    """An error, and not an empty page."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "course")
    with pytest.raises(benchbed.NothingSelectedError):
        figures_of_parts(benchbed.load_catalog(), [])


def test_every_part_of_the_course_has_a_subject():
    """The page heads each section with title and formula."""
    assert list(SUBJECTS) == list(dict.fromkeys(figure.part for figure in FIGURES))
