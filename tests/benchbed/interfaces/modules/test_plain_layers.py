"""Layers as plain operations have the results and the gradients of torch's kernels."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchbed.interfaces.modules.forward import ForwardPass, without_noise

BAGS = torch.tensor([[1, 2, 3], [4, 4, 1]])
X, Y = torch.linspace(-1, 1, 12).view(4, 3), torch.linspace(0, 2, 8).view(4, 2)

CALLS = {
    "bilinear": (lambda: nn.Bilinear(3, 2, 5), (X, Y)),
    "bilinear-without-bias": (lambda: nn.Bilinear(3, 2, 5, bias=False), (X, Y)),
    "bag-mean": (lambda: nn.EmbeddingBag(5, 3), (BAGS,)),
    "bag-sum": (lambda: nn.EmbeddingBag(5, 3, mode="sum"), (BAGS, None, torch.rand(2, 3))),
    "bag-frequencies": (lambda: nn.EmbeddingBag(5, 3, scale_grad_by_freq=True), (BAGS,)),
    "bag-frequencies-sum": (lambda: nn.EmbeddingBag(5, 3, scale_grad_by_freq=True, mode="sum"), (BAGS,)),
    "padding": (lambda: nn.Embedding(5, 3, padding_idx=4), (BAGS,)),
    "last-padding": (lambda: nn.Embedding(5, 3, padding_idx=-1, scale_grad_by_freq=True), (BAGS,)),
    "bag-max": (lambda: nn.EmbeddingBag(5, 3, mode="max"), (BAGS,)),
    "bag-padding": (lambda: nn.EmbeddingBag(5, 3, padding_idx=0), (BAGS,)),
    "bag-offsets": (lambda: nn.EmbeddingBag(5, 3), (BAGS.flatten(), torch.tensor([0, 2]))),
    "weight-norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), (X,)),
    "weight-norm-last": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2), dim=1), (X,)),
    "weight-norm-all": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2), dim=None), (X,)),
    "spectral-norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)), (X,)),
    "gru-cell": (lambda: nn.GRUCell(3, 2), (X, Y)),
    "lstm-cell": (lambda: nn.LSTMCell(3, 2), (X, (Y, Y + 1))),
    "rnn-cell": (lambda: nn.RNNCell(3, 2, bias=False), (X, Y)),
    "relu-cell": (lambda: nn.RNNCell(3, 2, nonlinearity="relu"), (X, Y)),
}


def results(build, arguments, is_plain):
    """Return the outputs of a new layer, the gradients of its parameters and its buffers afterwards."""
    torch.manual_seed(0)
    layer = build()
    if is_plain:
        with ForwardPass(without_noise) as context:
            outputs = layer(*arguments)
        assert context.is_needed
    else:
        outputs = layer(*arguments)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    sum(output.square().sum() for output in outputs).backward()
    return [*outputs, *[parameter.grad for parameter in layer.parameters()], *layer.buffers()]


@pytest.mark.parametrize("name", CALLS)
def test_plain_layers_equal_those_of_torch(name):
    """In float32, to rounding."""
    expected = results(*CALLS[name], is_plain=False)
    torch.testing.assert_close(results(*CALLS[name], is_plain=True), expected, rtol=1e-5, atol=1e-6)


def test_normalize_without_out_returns_a_new_tensor():
    """As torch's function does."""
    with ForwardPass(without_noise):
        assert torch.equal(functional.normalize(X, dim=0), X / X.norm(dim=0))
