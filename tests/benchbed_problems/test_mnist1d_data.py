"""mnist1d_data: the signals of the published generator."""

import sys
import types

import numpy as np
import pytest

from benchbed_problems.mnist1d_data import generate_signals


def test_the_signals_are_those_of_the_published_generator():
    """The first numbers and moments that the package mnist1d 0.0.2 generates."""
    signals = generate_signals()
    assert (len(signals.x), len(signals.test_x)) == (4_000, 1_000)
    assert signals.y[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    expected = [-0.33200566736939013, -0.4719103656557236, -0.778697076293495, -1.0097408265367045]
    assert signals.x[0, :4].tolist() == pytest.approx(expected, abs=1e-12)
    assert signals.test_x.square().mean().item() == pytest.approx(1.0187936533662838, rel=1e-12)


def test_the_signals_equal_those_of_the_package(monkeypatch):
    """All 5 000 to rounding, where the package is installed."""
    monkeypatch.setitem(sys.modules, "requests", types.ModuleType("requests"))  # for downloads only
    data = pytest.importorskip("mnist1d.data")
    state = np.random.get_state()
    published = data.make_dataset(data.get_dataset_args())
    np.random.set_state(state)
    signals = generate_signals()
    np.testing.assert_allclose(signals.x.numpy(), published["x"], rtol=0, atol=1e-14)
    np.testing.assert_allclose(signals.test_x.numpy(), published["x_test"], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(signals.y.numpy(), published["y"])
