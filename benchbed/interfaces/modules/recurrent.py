"""Recurrent layers as plain operations: torch's own kernels have no rule for `torch.func.vmap`."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (torch's usual name)

from benchbed.errors import ContractError

State = tuple[Tensor, ...]
Cell = Callable[[Tensor, State, Sequence[Tensor]], State]
"""Projected input `[batch, gates * hidden]`, state, hidden weight and bias -> next state, the output first."""
Dropout = Callable[[Tensor, float, bool], Tensor]


def lstm_cell(projected: Tensor, state: State, parameters: Sequence[Tensor]) -> State:
    """Compute a step of an LSTM. Source: the equations of `torch.nn.LSTM`."""
    hidden, cell = state
    entry, forget, content, exit_ = (projected + F.linear(hidden, *parameters)).chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + entry.sigmoid() * content.tanh()
    return exit_.sigmoid() * cell.tanh(), cell


def gru_cell(projected: Tensor, state: State, parameters: Sequence[Tensor]) -> State:
    """Compute a step of a GRU. Source: the equations of `torch.nn.GRU`."""
    (hidden,) = state
    reset_in, update_in, new_in = projected.chunk(3, dim=-1)
    reset_hidden, update_hidden, new_hidden = F.linear(hidden, *parameters).chunk(3, dim=-1)
    update = (update_in + update_hidden).sigmoid()
    new = (new_in + (reset_in + reset_hidden).sigmoid() * new_hidden).tanh()
    return ((1 - update) * new + update * hidden,)


def tanh_cell(projected: Tensor, state: State, parameters: Sequence[Tensor]) -> State:
    """Compute a step of an RNN with tanh. Source: the equations of `torch.nn.RNN`."""
    return ((projected + F.linear(state[0], *parameters)).tanh(),)


def relu_cell(projected: Tensor, state: State, parameters: Sequence[Tensor]) -> State:
    """Compute a step of an RNN with ReLU. Source: the equations of `torch.nn.RNN`."""
    return ((projected + F.linear(state[0], *parameters)).relu(),)


CELLS: dict[object, Cell] = {
    torch.lstm: lstm_cell,
    torch.gru: gru_cell,
    torch.rnn_tanh: tanh_cell,
    torch.rnn_relu: relu_cell,
}
"""The cell of each of torch's functions for recurrent layers."""


def run_layers(
    cell: Cell,
    dropout: Dropout,
    inputs: Tensor,
    state: Tensor | State,
    weights: Sequence[Tensor],
    has_biases: bool,
    layers: int,
    dropout_p: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, ...]:
    """Run recurrent layers; arguments from `inputs` on and results are those of `torch.lstm` and the others.

    Raises: ContractError for a packed sequence, or an LSTM with `proj_size`.
    """
    initial = (state,) if isinstance(state, Tensor) else tuple(state)
    is_packed = initial[0].dim() == 1  # it is then the batch sizes
    if is_packed or len({part.shape for part in initial}) > 1:
        raise ContractError(
            "recurrent layers run without packed sequences and proj_size; pass padded tensors"
        )
    sequence = inputs.transpose(0, 1) if batch_first else inputs  # [time, batch, features]
    directions = 2 if bidirectional else 1
    count = 4 if has_biases else 2  # of one direction of a layer
    parameters = (weights[start : start + count] for start in range(0, len(weights), count))
    ends: list[State] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            start = tuple(part[layer * directions + direction] for part in initial)
            output, end = _run_direction(cell, sequence, start, next(parameters), is_reversed=direction == 1)
            outputs.append(output)
            ends.append(end)
        sequence = torch.cat(outputs, dim=-1)
        if layer < layers - 1:
            sequence = dropout(sequence, dropout_p, train)
    output = sequence.transpose(0, 1) if batch_first else sequence
    return output, *(torch.stack(parts) for parts in zip(*ends, strict=True))


def _run_direction(
    cell: Cell, sequence: Tensor, state: State, parameters: Sequence[Tensor], is_reversed: bool
) -> tuple[Tensor, State]:
    """Return the outputs `[time, batch, hidden]` and the last state of one direction of a layer."""
    of_input, of_hidden = parameters[0::2], parameters[1::2]
    projected = F.linear(sequence, *of_input).unbind(0)
    outputs = []
    for step in reversed(projected) if is_reversed else projected:
        state = cell(step, state, of_hidden)
        outputs.append(state[0])
    return torch.stack(outputs[::-1] if is_reversed else outputs), state
