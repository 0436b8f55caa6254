"""Data sets become tensors of equally many samples, or the error says what to return."""

import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from benchbed.errors import ContractError
from benchbed.interfaces.modules.datasets import read_samples


class Items(Dataset):
    """Items that a function returns for their positions."""

    def __init__(self, item, count=4):
        self.item, self.count = item, count

    def __len__(self):
        return self.count

    def __getitem__(self, position):
        return self.item(position)


X, Y = torch.arange(8.0).view(4, 2), torch.arange(4)


@pytest.mark.parametrize(
    "data",
    [
        TensorDataset(X, Y),
        (X, Y),
        [X, Y],
        Items(lambda i: (X[i], Y[i])),
        Items(lambda i: (X[i].numpy(), int(Y[i]))),
        Items(lambda i: [X[i], Y[i]]),
    ],
)
def test_samples_are_stacked(data):
    """From tensors, NumPy arrays and Python numbers."""
    x, y = read_samples(data, "training")
    assert torch.equal(x, X)
    assert torch.equal(y, Y)


@pytest.mark.parametrize("data", [X, (X,), TensorDataset(X), Items(lambda i: X[i])])
def test_single_tensors_are_inputs_and_targets(data):
    """As for an autoencoder."""
    inputs, targets = read_samples(data, "training")
    assert torch.equal(inputs, X)
    assert targets is inputs


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("digits", "the training data is a str; return a torch.utils.data.Dataset or a tuple of tensors"),
        ((X, Y[:3]), r"tensors of \[3, 4\] samples"),
        (TensorDataset(X[:0]), r"tensors of \[0\] samples"),
        (Items(torch.zeros), "cannot be stacked to tensors"),
        (Items(lambda i: object()), "cannot be stacked to tensors"),
        (Items(lambda i: (X[i], "seven")), "items of tuple; return tuples of tensors"),
        (Items(lambda i: torch.rand(2)), "changes when it is read again, as with random transforms"),
    ],
)
def test_other_data_are_rejected(data, message):
    """With the reason and a remedy."""
    with pytest.raises(ContractError, match=message):
        read_samples(data, "training")
