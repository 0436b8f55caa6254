"""A program of tensors makes the same steps as the loop: networks above all."""

import os

import numpy as np
import pytest

from benchbed.catalog import load_catalog
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed_optimizers.adam import adam
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.triangles import Triangles

pytestmark = pytest.mark.usefixtures("no_scan")
CATALOG = load_catalog([], os.environ)


@pytest.fixture
def both(run):
    """Give a function that runs three rates on two seeds by the loop and by a program."""

    def twice(problem, factory, **more):
        fields = {"seeds": 2, "budget": 100, "targets": (), "learning_rate": [1e-3, 3e-3, 1e-2], **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return twice


def assert_same(loop, compiled):
    """It was compiled, and did the same to 1e-10."""
    assert set(compiled.engine.flat) == {"compiled"}, compiled.engine_reason
    for name in ("status", "calls", "steps", "curve_calls"):
        np.testing.assert_array_equal(getattr(loop, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective"):
        one, other = getattr(loop, name), getattr(compiled, name)
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize(
    ("problem", "optimizer"),
    [
        (PolynomialNetwork(samples=256, batch_size=32), "adam"),
        (PolynomialNetwork(samples=64, batch_size=32), "gd"),
        (PolynomialNetwork(samples=64, batch_size=16, activation="relu", hidden=(7,)), "nesterov"),
        (ShallowNetwork(), "rmsprop"),
        (Triangles(), "momentum"),
        (Quadratic(dimension=200, condition_number=10.0), "adamw"),
    ],
    ids=["adam", "gd", "nesterov", "rmsprop", "momentum", "adamw"],
)
def test_what_is_too_long_for_registers_is_the_same_compiled(both, problem, optimizer):
    """Mini-batches, full gradients, other widths and activations, many coordinates."""
    assert_same(*both(problem, CATALOG.optimizer(optimizer).implementation))


def test_a_network_in_single_precision_ends_where_the_loop_does(both):
    """To what single precision holds after a hundred steps."""
    loop, compiled = both(PolynomialNetwork(samples=256), adam, dtype="float32")
    assert set(compiled.engine.flat) == {"compiled"}, compiled.engine_reason
    np.testing.assert_allclose(compiled.curve_objective, loop.curve_objective, rtol=1e-3)


@pytest.fixture
def not_by_lanes(monkeypatch):
    """Let no step be written number by number."""

    def refuse(trace, axis, width):
        raise UnsupportedOperationError("the operation of these tests")

    monkeypatch.setattr("benchbed.codegen.lanewise.codegen.generate", refuse)
    monkeypatch.setattr("benchbed.engine.compiled_backend._cache", {})


@pytest.mark.parametrize(
    "problem", [Quartic(start=0.5), Runge(), Quadratic(rotated=True)], ids=["quartic", "runge", "rotated"]
)
def test_short_steps_may_be_written_so_too(both, not_by_lanes, problem):
    """With noise over several blocks of draws, with data of each instance's own."""
    assert_same(*both(problem, adam, budget=2_100 if isinstance(problem, Quartic) else 100))


def test_a_lane_does_not_depend_on_its_neighbours(run, not_by_lanes):
    """Lanes are stepped one by one; only the first step, which is made of all at once, may round otherwise."""
    fields = {"engine": "compiled", "targets": (), "budget": 60}
    network = PolynomialNetwork(samples=64, batch_size=16)
    several = run(network, adam, seeds=3, learning_rate=[1e-3, 1e-2], **fields)
    again = run(network, adam, seeds=3, learning_rate=[1e-2, 1e-1], **fields)
    np.testing.assert_allclose(several.final_theta[:, 1], again.final_theta[:, 0], rtol=1e-12, atol=1e-14)
