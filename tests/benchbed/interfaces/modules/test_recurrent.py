"""Recurrent layers as plain operations equal torch's own, in every form."""

import itertools

import pytest
import torch
from torch import nn

from benchbed.errors import ContractError
from benchbed.interfaces.modules.forward import ForwardPass, without_noise

LAYERS = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "tanh": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}


@pytest.mark.parametrize("name", LAYERS)
def test_recurrent_layers_equal_those_of_torch(name):
    """One or two layers, with and without biases, in one direction or both; outputs and last states, to rounding."""
    torch.manual_seed(0)
    x = torch.randn(3, 4, 5)
    for layers, bias, both, batch_first in itertools.product((1, 2), *[(True, False)] * 3):
        network = LAYERS[name](
            5, 6, num_layers=layers, bias=bias, bidirectional=both, batch_first=batch_first
        )
        expected = network(x)
        with ForwardPass(without_noise):
            values = network(x)
        torch.testing.assert_close(values, expected, rtol=1e-5, atol=1e-6)


def test_packed_sequences_and_projections_are_rejected():
    """Their kernels are other ones."""
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 5), torch.randn(2, 5)])
    for network, x in ((nn.LSTM(5, 6), packed), (nn.LSTM(5, 6, proj_size=2), torch.randn(3, 4, 5))):
        with ForwardPass(without_noise), pytest.raises(ContractError, match="pass padded tensors"):
            network(x)
