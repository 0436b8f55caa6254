"""Cheap compiled steps run to several checkpoints in one call, which changes no result."""

import numpy as np
import pytest

from benchbed.engine import run_batch
from benchbed.interfaces import Optimizer
from benchbed_optimizers.sgd import sgd

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_inductor")]


class CountingClock:
    """A clock that counts its readings: two for each call of the compiled steps."""

    def __init__(self):
        self.readings = 0

    def __call__(self):
        self.readings += 1
        return 0.0


def extragradient_above_zero(learning_rate: float = 1e-2):
    """Call the oracle a second time where the loss is positive, so that lanes differ in their calls."""

    def update(oracle, state, theta):
        is_positive = oracle.loss > 0
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, where=is_positive)
        return theta - learning_rate * ahead.where(is_positive.unsqueeze(-1), oracle.gradient), state

    return Optimizer(init=lambda theta: (), update=update)


TARGETS = (10.0, 1.0)
CASES = {
    "targets": (sgd, {"targets": TARGETS, "learning_rate": [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]}),
    "blocks of draws": (sgd, {"budget": 2_300, "learning_rate": [1e-6, 1e-5, 1e-4, 10.0]}),
    "tolerance": (sgd, {"tolerance": 1e-3, "learning_rate": [1e-4, 1e-3, 10.0]}),
    "calls": (
        extragradient_above_zero,
        {"targets": TARGETS, "learning_rate": [1e-6, 1e-3, 1e-2, 10.0]},
    ),
}


@pytest.mark.parametrize(("factory", "fields"), CASES.values(), ids=CASES)
def test_lookahead_changes_no_bit(make_batch, valleys, monkeypatch, factory, fields):
    """A lane that stops at a checkpoint keeps its state there, and its later steps are discarded."""
    records, readings = [], []
    for operations in (0, 10**9):
        monkeypatch.setattr("benchbed.engine.compiled_backend.LOOKAHEAD_OPERATIONS", operations)
        batch = {"seeds": 4, "budget": 300, "targets": (), "engine": "compiled", **fields}
        clock = CountingClock()
        records.append(run_batch(make_batch(valleys, factory, **batch), clock))
        readings.append(clock.readings)
    single, several = records
    assert set(single.engine.flat) == {"compiled"}, single.engine_reason
    assert readings[1] < readings[0] / 2
    assert len(set(single.status.flat)) > 1
    for name, value in single._asdict().items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(several, name), err_msg=name)
