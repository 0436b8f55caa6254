"""Data sets that scikit-learn ships, checked by their digests and split once and for all."""

import functools
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class DataSet(NamedTuple):
    """Training and test samples, `[samples, features]`, with their classes, `[samples]`, an integer each."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


class Shipped(NamedTuple):
    """A function of `sklearn.datasets`, the numbers of samples, features and classes, and a SHA-256 of its arrays."""

    function: str
    samples: int
    features: int
    classes: int
    digest: str


SHIPPED: Mapping[str, Shipped] = {
    "breast-cancer": Shipped(
        "load_breast_cancer", 569, 30, 2, "25e2eb7b7a8745b1bde5ba18bc4969983d2e2f403291ecd5bde4a29ef30c3859"
    ),
    "digits": Shipped(
        "load_digits", 1_797, 64, 10, "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443"
    ),
}


@functools.lru_cache
def training_positions(name: str) -> Tensor:
    """Return the positions of the training samples, four in five, which are fixed by a hash of name and position."""
    hashes = (hashlib.sha256(f"{name}-{position}".encode()) for position in range(SHIPPED[name].samples))
    return torch.tensor([position for position, digest in enumerate(hashes) if digest.digest()[0] % 5])


def read_data(name: str) -> DataSet:
    """Read a data set and split it.

    Raises: ModuleNotFoundError without scikit-learn, ValueError if its arrays are not those of the digest.
    """
    try:
        from sklearn import __version__, datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the {name} data comes with scikit-learn, which is not installed; pip install 'benchbed[data]'",
            name="sklearn",
        ) from error
    shipped = SHIPPED[name]
    x, y = getattr(datasets, shipped.function)(return_X_y=True)
    x, y = np.ascontiguousarray(x, np.float64), np.ascontiguousarray(y, np.int64)
    if hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest() != shipped.digest:
        raise ValueError(
            f"the {name} data of scikit-learn {__version__} differs from that of version 1.6; install another version"
        )
    is_training = torch.zeros(len(x), dtype=torch.bool)
    is_training[training_positions(name)] = True
    inputs, classes = torch.from_numpy(x), torch.from_numpy(y)
    return DataSet(inputs[is_training], classes[is_training], inputs[~is_training], classes[~is_training])


def standardize(data: DataSet) -> DataSet:
    """Shift and scale features to mean 0 and variance 1 on the training part; constant features become 0."""
    mean, deviation = data.x.mean(0), data.x.std(0, correction=0)
    scale = torch.where(deviation > 0, deviation, 1.0)
    return data._replace(x=(data.x - mean) / scale, test_x=(data.test_x - mean) / scale)
