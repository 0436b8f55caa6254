"""Layers as plain operations, where torch's own have no rule for `torch.func.vmap` and run one trial at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (torch's usual name)

from benchbed.interfaces.modules.recurrent import Cell, gru_cell, lstm_cell, relu_cell, tanh_cell


def normalize(x: Tensor, *options: Any, out: Tensor | None = None, **more_options: Any) -> Tensor:
    """Divide by the norm; `out` is written in place, as spectral normalization asks for."""
    normalized: Tensor = F.normalize(x, *options, **more_options)
    return normalized if out is None else out.copy_(normalized)


def weight_norm(direction: Tensor, length: Tensor, dim: int = 0) -> Tensor:
    """Scale a weight so that its norms along `dim`, or of all elements if it is −1, are `length`."""
    others = [other for other in range(direction.dim()) if other != dim or dim == -1]
    norms: Tensor = torch.linalg.vector_norm(direction, dim=others, keepdim=True)
    return direction * (length / norms)


def bilinear(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute xᵀ W y for each matrix of `weight: [outputs, inputs, inputs]`."""
    product = torch.einsum("...i,kij,...j->...k", x, weight, y)
    return product if bias is None else product + bias


def embedding(
    x: Tensor, weight: Tensor, padding_idx: int | None = None, *options: Any, **more: Any
) -> Tensor:
    """Look up the rows of a table; that of the padding has no gradient, which torch's rule stops in one trial only."""
    rows: Tensor = F.embedding(x, weight, None, *options, **more)
    if padding_idx is None:
        return rows
    return torch.where((x == padding_idx % weight.shape[0]).unsqueeze(-1), rows.detach(), rows)


def embedding_bag(
    x: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
    per_sample_weights: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """Reduce the embeddings of each row of `x: [bags, positions]`; flat bags with offsets run by torch's kernel.

    So do gradients by frequency, which the kernel for CPU counts in a way of its own.
    """
    is_plain = x.dim() == 2 and max_norm is None and padding_idx is None and mode != "max"
    if scale_grad_by_freq or not is_plain:
        return F.embedding_bag(
            x, weight, offsets, max_norm, norm_type, scale_grad_by_freq, mode, sparse, per_sample_weights,
            include_last_offset, padding_idx,
        )  # fmt: skip
    rows = F.embedding(x, weight)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    return rows.sum(dim=-2) if mode == "sum" else rows.mean(dim=-2)


SINGLE_CELLS: dict[Callable[..., object], Cell] = {
    torch.lstm_cell: lstm_cell,
    torch.gru_cell: gru_cell,
    torch.rnn_tanh_cell: tanh_cell,
    torch.rnn_relu_cell: relu_cell,
}
"""The cell of each of torch's functions for one step of a recurrent layer."""


def run_cell(
    cell: Cell,
    inputs: Tensor,
    state: Tensor | Sequence[Tensor],
    of_input: Tensor,
    of_hidden: Tensor,
    input_bias: Tensor | None = None,
    hidden_bias: Tensor | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """Run one step of a recurrent layer; arguments from `inputs` on and the result are those of `torch.lstm_cell`."""
    states = (state,) if isinstance(state, Tensor) else tuple(state)
    parameters = (of_hidden,) if hidden_bias is None else (of_hidden, hidden_bias)
    after = cell(F.linear(inputs, of_input, input_bias), states, parameters)
    return after[0] if isinstance(state, Tensor) else after
