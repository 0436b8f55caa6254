"""Surfaces are computed when they are asked for, so that a problem that fails costs only its own."""

import numpy as np
import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.study.surfaces import GRID, Surfaces


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study of three problems, one of which has three dimensions."""
    problems = ["quadratic", "quadratic[eigenvalues=[1, 2, 3]]", "quartic"]
    folder = tmp_path_factory.mktemp("study")
    return benchbed.run(
        problems=problems, optimizers=["gd"], preset="quick", tracks=["default"], steps=5, seeds=2, output=folder,
        executor="serial",
    )  # fmt: skip


@pytest.fixture(scope="module")
def surfaces(study):
    """Return the surfaces of the study."""
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


@pytest.mark.parametrize("status", ["exhausted", "diverged"])
def test_the_start_is_on_a_surface_without_an_optimum(study, monkeypatch, status):
    """Gaps are NaN there, and the minimizer is unknown; the path of a trial that was measured is on it, too."""

    def raises(problem, seed):
        raise ArithmeticError("no optimum")

    monkeypatch.setattr("benchbed.study.surfaces.solution_of", raises)
    outcomes = study.results.outcomes.assign(gap=np.nan, status=status)
    curves = study.results.curves.assign(gap=np.nan, theta_0=study.results.curves["theta_0"] + 50)
    results = study.results._replace(outcomes=outcomes, curves=curves)
    surfaces = Surfaces(study.plan, results, load_catalog(environ={}))
    for label in surfaces:
        keys = outcomes["trial_key"][(outcomes["problem"] == label) & (outcomes["seed"] == 0)]
        points = (
            curves[curves["trial_key"].isin(keys)].sort_values("calls")[["theta_0", "theta_1"]].to_numpy()
        )
        drawn, surface = points if status == "exhausted" else points[:1], surfaces[label]
        for values, axis in zip(drawn.T, (surface.x, surface.y), strict=True):
            assert axis[0] < values.min()
            assert values.max() < axis[-1]
