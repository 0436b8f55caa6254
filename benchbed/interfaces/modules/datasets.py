"""Data sets of a `ModuleProblem` as tensors, and what its trials draw from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset, default_collate

from benchbed.errors import ContractError
from benchbed.formatting import shortened

DataSet = Dataset[Any] | Sequence[Tensor] | Tensor
Samples = tuple[Tensor, ...]
"""Tensors `[samples, …]`: the inputs of the network, and the targets last."""


class Sizes(NamedTuple):
    """Sizes of the data sets."""

    samples: int
    validation_samples: int
    """0 without validation data."""
    first_batch: Samples


class ModuleData(NamedTuple):
    """The data of a `ModuleProblem`, which all instances share."""

    training: Samples
    validation: Samples | None
    constants: dict[str, Tensor]
    """Buffers of the network that do not change."""


class ModuleDraw(NamedTuple):
    """The draws of one step, or of several."""

    positions: Tensor
    """Those of the samples of the mini-batch, `[…, batch_size]`."""
    noise: tuple[Tensor, ...]
    """Numbers of each random operation of the network, such as masks of dropout."""


def read_datasets(datasets: Any) -> tuple[Samples, Samples | None]:
    """Return the samples for training and, if there are any, for validation. Raises: ContractError."""
    if not (isinstance(datasets, tuple) and len(datasets) == 2):
        raise ContractError(
            "make_data must return two data sets, for training and validation; the second may be None"
        )
    training, validation = datasets
    of_validation = None if validation is None else read_samples(validation, "validation")
    return read_samples(training, "training"), of_validation


def read_samples(data: Any, name: str) -> Samples:
    """Return the samples of a data set, or of a tuple of tensors, stacked: `[samples, …]` each.

    A data set whose items are single tensors has these as inputs and as targets.

    Raises: ContractError if they cannot be stacked, differ in number, or change from one reading to the next.
    """
    if isinstance(data, TensorDataset):
        samples = data.tensors
    elif isinstance(data, Tensor):
        samples = (data,)
    elif isinstance(data, tuple | list) and data and all(isinstance(part, Tensor) for part in data):
        samples = tuple(data)
    elif isinstance(data, Dataset):
        samples = _read_items(data, name)
    else:
        raise ContractError(
            f"the {name} data is a {type(data).__name__}; return a torch.utils.data.Dataset or a tuple of tensors"
        )
    lengths = {len(part) if part.dim() else 0 for part in samples}
    if len(lengths) > 1 or lengths == {0}:
        raise ContractError(
            f"the {name} data has tensors of {sorted(lengths)} samples; return equally many, at least one"
        )
    return (*samples, samples[0]) if len(samples) == 1 else samples


def _read_items(data: Any, name: str) -> Samples:
    try:
        items = [data[position] for position in range(len(data))]
        first = default_collate([items[0], data[0]])
        stacked = default_collate(items)
    except (TypeError, RuntimeError, IndexError) as error:
        reason = f"{type(error).__name__}: {shortened(str(error), 200)}"
        raise ContractError(
            f"the {name} data cannot be stacked to tensors ({reason}); return items of tensors with equal shapes, such "
            "as images with the transform ToTensor()"
        ) from error
    parts = (stacked,) if isinstance(stacked, Tensor) else tuple(stacked)
    firsts = (first,) if isinstance(first, Tensor) else tuple(first)
    if not all(isinstance(part, Tensor) for part in parts):
        raise ContractError(
            f"the {name} data has items of {type(items[0]).__name__}; return tuples of tensors"
        )
    if not all(torch.equal(part[0], part[1]) for part in firsts):
        raise ContractError(
            f"an item of the {name} data changes when it is read again, as with random transforms; return fixed items, "
            "and draw noise in the network's `forward`"
        )
    return parts
