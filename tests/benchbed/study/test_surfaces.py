"""Surfaces are computed when they are asked for, so that a problem that fails costs only its own."""

import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.study.surfaces import GRID, Surfaces


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    """Return the surfaces of a study of three problems, one of which has three dimensions."""
    problems = ["quadratic", "quadratic[eigenvalues=[1, 2, 3]]", "quartic"]
    folder = tmp_path_factory.mktemp("study")
    study = benchbed.run(
        problems=problems, optimizers=["gd"], preset="quick", tracks=["default"], steps=5, seeds=2, output=folder,
        executor="serial",
    )  # fmt: skip
    return Surfaces(study.plan, study.results, load_catalog(environ={}))


def test_only_problems_of_two_dimensions_have_a_surface(surfaces):
    """The labels are known before anything is computed."""
    assert len(surfaces) == len(list(surfaces))
    assert "quadratic[eigenvalues=[1, 2, 3]]" not in surfaces
    assert not surfaces._surfaces


def test_a_surface_is_computed_once(surfaces):
    """Its grid has `GRID` points along each axis."""
    label = next(iter(surfaces))
    surface = surfaces[label]
    assert surface.objective.shape == (GRID, GRID)
    assert surfaces[label] is surface


def test_a_problem_that_raises_costs_its_own_surface(surfaces, monkeypatch):
    """The exception is that of the problem."""

    def raises(problem, seed, points):
        raise ArithmeticError("no grid")

    label = list(surfaces)[-1]
    surfaces._surfaces.pop(label, None)
    monkeypatch.setattr("benchbed.study.surfaces.objective_at", raises)
    with pytest.raises(ArithmeticError, match="no grid"):
        surfaces[label]
    assert label in surfaces
