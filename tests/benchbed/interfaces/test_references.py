"""A reference value holds for the code, the parameters and the data that it was computed for, and for no others."""

import importlib.util
import sys

import msgspec
import numpy as np
import pytest
import torch

from benchbed.errors import UnknownOptimumError
from benchbed.interfaces.references import (
    Reference,
    ReferenceKind,
    find_reference,
    parameters_of,
    reference_digest,
    references_path,
)

SOURCE = """
from dataclasses import dataclass

import torch

from benchbed.interfaces import Layout, Problem


@dataclass(frozen=True)
class Parabola(Problem):
    tilt: float = 1.0
    shift: float = 0.0

    @property
    def layout(self):
        return Layout({"x": (1,)})

    def shared_data(self):
        return torch.tensor([self.shift])

    def make_start(self, generator):
        return torch.ones(1)

    def objective(self, theta, data):
        return (theta - data).square().sum(-1) + self.tilt * theta.sum(-1)
"""
VALUE = -0.25


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that writes and imports the module with this source, and returns the class."""

    def load(source=SOURCE):
        path = tmp_path / "parabola.py"
        path.write_text(source, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("parabola", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "parabola", module)
        exec(compile(source, path, "exec"), module.__dict__)  # no cached byte code
        return module.Parabola

    return load


def store(problem):
    """Store a value for a problem, as if it had been computed."""
    reference = Reference(
        type(problem).__qualname__,
        parameters_of(problem),
        reference_digest(problem, problem.shared_data()),
        value=VALUE,
        gradient_norm=0.0,
        error_bound=0.0,
        kind=ReferenceKind.CERTIFIED,
    )
    references_path(problem).write_bytes(msgspec.json.encode([reference]))


def test_a_reference_value_is_the_optimum(load):
    """Of the problem for which it is stored, and of no other one."""
    parabola = load()
    problem = parabola()
    assert problem.optimum(problem.shared_data()) is None
    store(problem)
    assert problem.optimum(problem.shared_data()).item() == VALUE
    other = parabola(tilt=2.0)
    assert find_reference(other, other.shared_data()) is None


@pytest.mark.parametrize("change", ["code", "data"])
def test_a_value_for_other_code_or_data_does_not_hold(load, change):
    """The problem is without optimum then, and the reason says what to do."""
    problem = load()()
    store(problem)
    data = problem.shared_data()
    if change == "code":
        problem = load(SOURCE.replace("square()", "pow(4)"))()
    else:
        data = data + 1
    with pytest.raises(UnknownOptimumError, match="other code or data; compute it again"):
        find_reference(problem, data)
    assert problem.optimum(data) is None


def test_any_number_of_an_array_changes_the_digest(load):
    """NumPy leaves out the middle of long arrays when it represents them as text."""
    problem, values = load()(), np.arange(2_000.0).reshape(2, -1)
    others = values.copy()
    others[1, 3] += 1
    arrays = [
        values,
        others,
        values.astype(np.float32),
        values.T,
        values.T.copy(),
        values[:, ::2],
        values[:0],
    ]
    digests = [reference_digest(problem, {"x": array, "count": 2, "name": None}) for array in arrays]
    assert digests[3] == digests[4]
    assert len(set(digests)) == len(arrays) - 1
    number = torch.from_numpy(values).flatten()[::2][1:2]
    assert reference_digest(problem, {"x": number}) == reference_digest(problem, {"x": number.clone()})


@pytest.mark.parametrize("value", [object(), np.array([object()])])
def test_data_without_a_digest_have_a_sentence(load, value):
    """Their text may contain an address, which differs in each process."""
    with pytest.raises(
        UnknownOptimumError, match=r"the data of Parabola contain a .*; return tensors, arrays"
    ):
        reference_digest(load()(), (torch.zeros(1), value))


def test_a_damaged_file_has_a_sentence(load):
    """Instead of a traceback."""
    problem = load()()
    references_path(problem).write_text("[", encoding="utf-8")
    with pytest.raises(UnknownOptimumError, match=r"'parabola.references.json' cannot be read"):
        find_reference(problem, None)


def test_a_class_without_a_file_has_no_reference_value(load):
    """Such as one of a notebook."""
    parabola = load()
    parabola.__module__ = "nowhere"
    assert references_path(parabola()) is None
    assert find_reference(parabola(), torch.zeros(1)) is None
