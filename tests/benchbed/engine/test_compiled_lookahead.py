"""Several checkpoints are made at a time where steps are cheap, and measured one after the other."""

import numpy as np
import pytest

from benchbed.engine import run_batch
from benchbed.interfaces import Optimizer
from benchbed_optimizers.sgd import sgd

pytestmark = pytest.mark.usefixtures("no_scan")


class Looks:
    """A clock that counts how often it is read: twice for all that is made at a time."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return 0.0


def cautious(learning_rate: float = 1e-2):
    """Ask a second time where the loss has not fallen far: lanes differ in their calls."""

    def update(oracle, state, theta):
        where = oracle.loss > 0
        _, there = oracle.at(theta - learning_rate * oracle.gradient, where=where)
        return theta - learning_rate * there.where(where.unsqueeze(-1), oracle.gradient), state

    return Optimizer(init=lambda theta: (), update=update)


TARGETS = (10.0, 1.0)
CASES = {
    "targets": (sgd, {"targets": TARGETS, "learning_rate": [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]}),
    "blocks of draws": (sgd, {"budget": 2_300, "learning_rate": [1e-6, 1e-5, 1e-4, 10.0]}),
    "tolerance": (sgd, {"tolerance": 1e-3, "learning_rate": [1e-4, 1e-3, 10.0]}),
    "calls": (cautious, {"targets": TARGETS, "learning_rate": [1e-6, 1e-3, 1e-2, 10.0]}),
}


@pytest.mark.parametrize(("factory", "more"), CASES.values(), ids=CASES)
def test_how_many_are_made_at_a_time_changes_nothing(make_batch, valleys, monkeypatch, factory, more):
    """Not a bit: a lane that ends at a checkpoint stays there, though steps beyond it had been made."""
    records, counts = [], []
    for worth in (0, 10**9):
        monkeypatch.setattr("benchbed.engine.compiled_backend.LOOKAHEAD_OPERATIONS", worth)
        fields = {"seeds": 4, "budget": 300, "targets": (), "engine": "compiled", **more}
        looks = Looks()
        records.append(run_batch(make_batch(valleys, factory, **fields), looks))
        counts.append(looks.count)
    one, other = records
    assert set(one.engine.flat) == {"compiled"}, one.engine_reason
    assert counts[1] < counts[0] / 2
    assert len(set(one.status.flat)) > 1
    for name, value in one._asdict().items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)
