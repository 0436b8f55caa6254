"""real_data: the split, and standardization by the training part."""

import sys

import pytest
import torch

from benchbed_problems.real_data import SHIPPED, DataSet, read_data, standardize, training_positions


def test_the_splits_are_fixed():
    """About four in five samples; the first positions are those of SHA-256."""
    assert [len(training_positions(name)) for name in SHIPPED] == [464, 1_427]
    assert training_positions("digits")[:8].tolist() == FIRST


FIRST = [0, 1, 2, 3, 4, 5, 8, 9]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_data_has_the_stated_shape(name):
    """All samples are in one of the parts, with all classes in both."""
    pytest.importorskip("sklearn")
    data = read_data(name)
    shipped = SHIPPED[name]
    assert len(data.x) + len(data.test_x) == shipped.samples
    assert data.x.shape[1] == data.test_x.shape[1] == shipped.features
    for classes in (data.y, data.test_y):
        assert classes.unique().tolist() == list(range(shipped.classes))


def test_other_data_is_rejected(monkeypatch):
    """A digest that differs stops before a number is wrong."""
    pytest.importorskip("sklearn")
    monkeypatch.setitem(SHIPPED, "digits", SHIPPED["digits"]._replace(digest="0"))
    with pytest.raises(ValueError, match=r"the digits data of scikit-learn .* differs"):
        read_data("digits")


def test_a_missing_library_is_named(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'benchbed\[data\]'"):
        read_data("digits")


def test_standardization_uses_the_training_part_only():
    """Mean 0 and variance 1 there, the same shift and scale for the test part; a constant feature becomes 0."""
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]], dtype=torch.float64)
    y = torch.tensor([0, 1])
    data = standardize(DataSet(x, y, torch.tensor([[4.0, 5.0]], dtype=torch.float64), y[:1]))
    assert data.x.tolist() == [[-1, 0], [1, 0]]
    assert data.test_x.tolist() == [[2, 0]]
