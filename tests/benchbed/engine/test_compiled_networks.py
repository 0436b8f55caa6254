"""Tensorwise compiled steps match eager steps, above all for networks."""

import importlib.util
import os

import numpy as np
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed_optimizers.adam import adam
from benchbed_problems.associative_memory import AssociativeMemory
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.logistic_regression import LogisticRegression
from benchbed_problems.matrix_sensing import MatrixSensing
from benchbed_problems.phase_retrieval import PhaseRetrieval
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.triangles import Triangles

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_inductor")]
CATALOG = load_catalog([], os.environ)


@pytest.fixture
def run_both(run):
    """Return a function that runs three learning rates on two seeds, eagerly and compiled."""

    def run_engines(problem, factory, **more):
        fields = {"seeds": 2, "budget": 100, "targets": (), "learning_rate": [1e-3, 3e-3, 1e-2], **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return run_engines


def assert_same(eager, compiled):
    """Check that the second record was compiled and equals the first to 1e-10."""
    assert set(compiled.engine.flat) == {"compiled"}, compiled.engine_reason
    for name in ("status", "calls", "steps", "curve_calls"):
        np.testing.assert_array_equal(getattr(eager, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective"):
        np.testing.assert_allclose(
            getattr(compiled, name), getattr(eager, name), rtol=1e-10, atol=1e-10, err_msg=name
        )


@pytest.mark.parametrize(
    ("problem", "optimizer"),
    [
        (PolynomialNetwork(samples=256, batch_size=32), "adam"),
        (PolynomialNetwork(samples=64, batch_size=32), "gd"),
        (PolynomialNetwork(samples=64, batch_size=16, activation="relu", hidden=(7,)), "nesterov"),
        (ShallowNetwork(), "rmsprop"),
        (Triangles(), "momentum"),
        (Quadratic(dimension=200, condition_number=10.0), "adamw"),
        (BlockQuadratic(rotation=0.5), "adam"),
        (ImbalancedSoftmax(groups=3), "adam"),
        (MatrixSensing(), "adam"),
        (AssociativeMemory(), "adam"),
        (PhaseRetrieval(), "adam"),
        pytest.param(
            LogisticRegression(),
            "adam",
            marks=pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="needs scikit-learn"),
        ),
    ],
    ids=[
        "adam",
        "gd",
        "nesterov",
        "rmsprop",
        "momentum",
        "adamw",
        "blocks",
        "softmax",
        "sensing",
        "memory",
        "phase",
        "logistic",
    ],
)
def test_steps_too_long_for_registers_match_eager_steps(run_both, problem, optimizer):
    """Mini-batches, full gradients, several widths and activations, many coordinates."""
    assert_same(*run_both(problem, CATALOG.optimizer(optimizer).implementation))


def test_network_in_single_precision_matches_eager_steps(run_both):
    """To the precision that remains after a hundred steps."""
    eager, compiled = run_both(PolynomialNetwork(samples=256), adam, dtype="float32")
    assert set(compiled.engine.flat) == {"compiled"}, compiled.engine_reason
    np.testing.assert_allclose(compiled.curve_objective, eager.curve_objective, rtol=1e-3)


@pytest.fixture
def no_lanewise(monkeypatch):
    """Reject every step in the lanewise form, so that it is generated in the tensorwise form."""

    def reject(traced, axis, width):
        raise UnsupportedOperationError("an operation of this test")

    monkeypatch.setattr("benchbed.codegen.lanewise.codegen.generate", reject)
    monkeypatch.setattr("benchbed.engine.compiled_backend._cache", {})


@pytest.mark.parametrize(
    "problem", [Quartic(start=0.5), Runge(), Quadratic(rotated=True)], ids=["quartic", "runge", "rotated"]
)
def test_short_tensorwise_steps_match_eager_steps(run_both, no_lanewise, problem):
    """With noise over several blocks of draws, and with data of each instance."""
    assert_same(*run_both(problem, adam, budget=2_100 if isinstance(problem, Quartic) else 100))


def test_lane_does_not_depend_on_its_neighbours(run, no_lanewise):
    """Lanes run one after another; only the first step, which is eager for all lanes at once, may round differently."""
    fields = {"engine": "compiled", "targets": (), "budget": 60}
    network = PolynomialNetwork(samples=64, batch_size=16)
    first = run(network, adam, seeds=3, learning_rate=[1e-3, 1e-2], **fields)
    second = run(network, adam, seeds=3, learning_rate=[1e-2, 1e-1], **fields)
    np.testing.assert_allclose(first.final_theta[:, 1], second.final_theta[:, 0], rtol=1e-12, atol=1e-14)
