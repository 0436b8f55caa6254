"""The comparison of a suite's leaders under other conditions."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Request, make_plan

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "benchmarks" / "artefacts.py"
SUITE = ROOT / "problems" / "benchbed_problems" / "suites" / "standard.toml"


@pytest.fixture(scope="module")
def artefacts():
    """The script as a module."""
    specification = importlib.util.spec_from_file_location("artefacts", SOURCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def study_of(scores, leaders):
    """Results with these mean scores over all problems, and these optimizers in the first group."""
    overall = [("", name, "tuned", score) for name, score in scores.items()]
    groups = [("", "tuned", name, 1 if name in leaders else 2) for name in scores]
    return SimpleNamespace(
        overall=pd.DataFrame(overall, columns=["group", "optimizer", "track", "score"]),
        groups=pd.DataFrame(groups, columns=["problem", "track", "optimizer", "group"]),
    )


def test_conditions_change_the_grid_or_the_quadratic(artefacts):
    """The first and last rates, their number, and the problem; the suite as it is changes nothing."""
    request = Request(problems=("beale",), optimizers=("gd",), preset="standard", device="cpu")
    plan = make_plan(load_catalog(environ={}), request)
    grids = {}
    for condition in artefacts.CONDITIONS:
        changed = artefacts.on_grid(plan, condition)
        grids[condition.name] = (changed.rates[0], changed.rates[-1], len(changed.rates))
        assert (changed == plan) is condition.is_another_problem
    assert list(grids.values())[:3] == [(1e-5, 1e3, 17), (1e-7, 1e1, 17), (1e-6, 1e2, 33)]
    assert artefacts.on_grid(plan, artefacts.SUITE) == plan
    suite = SUITE.read_text()
    assert f'"{artefacts.SUITE.quadratic}"' in suite


def test_another_leader_on_another_grid_is_an_artefact(artefacts, capsys):
    """Unless the two do not differ significantly; another problem may have other leaders."""
    suite = study_of({"a": 0.5, "b": 0.4, "c": 0.3}, {"a", "b"})
    tied = study_of({"a": 0.4, "b": 0.5, "c": 0.3}, {"a", "b"})
    other = study_of({"a": 0.4, "b": 0.3, "c": 0.5}, {"c"})
    grid, problem = (
        next(each.name for each in artefacts.CONDITIONS if each.is_another_problem is wanted)
        for wanted in (False, True)
    )
    assert artefacts.highest_of(suite) == {ALL_PROBLEMS: "a"}
    assert artefacts.print_agreement({"as it is": suite, grid: tied, problem: other})
    assert capsys.readouterr().out.count("DIFFERENT") == 1
    assert not artefacts.print_agreement({"as it is": suite, grid: other})
    beaten = study_of({"a": 0.4, "b": 0.5, "c": 0.3}, {"b"})
    assert not artefacts.print_agreement({"as it is": suite, grid: beaten})
