"""Tests of modules as functions of their tensors: they equal `torch.func.functional_call`."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from benchbed.interfaces.modules.stateless import StatelessModule


class Tied(nn.Module):
    """A module that uses a weight twice, and replaces a buffer instead of writing into it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.register_buffer("total", torch.zeros(()))

    def forward(self, inputs):
        self.total = self.total + inputs.sum().detach()
        return self.second(self.first(inputs).tanh())


@pytest.fixture
def inputs():
    return torch.arange(6.0).reshape(2, 3)


def tensors_of(module):
    generator = torch.Generator().manual_seed(1)
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {
        name: torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in named.items()
    }


@pytest.mark.parametrize(
    "module",
    [
        Tied(),
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)),
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
    ],
    ids=["tied", "batch normalization", "parametrization"],
)
def test_the_outputs_are_those_of_a_functional_call(module, inputs):
    """With equal buffers afterwards; the module keeps its own tensors."""
    tensors, expected_tensors = tensors_of(module), tensors_of(module)
    own = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    outputs = StatelessModule(module)(tensors, inputs)
    assert torch.equal(outputs, functional_call(module, expected_tensors, (inputs,)))
    if not isinstance(module, Tied):  # whose buffer torch's function loses
        assert all(torch.equal(tensors[name], tensor) for name, tensor in expected_tensors.items())
    assert all(torch.equal(module.state_dict()[name], tensor) for name, tensor in own.items())


def test_a_replaced_buffer_is_returned(inputs):
    """The sum of the inputs is added to the given value."""
    tensors = {**tensors_of(Tied()), "total": torch.tensor(2.0)}
    StatelessModule(Tied())(tensors, inputs)
    assert tensors["total"] == 2 + inputs.sum()


def test_the_module_keeps_its_tensors_when_it_raises(inputs):
    """It also uses them for names that are not given."""
    module = nn.Linear(3, 2)
    weight, stateless = module.weight, StatelessModule(module)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        stateless({"weight": torch.ones(2, 7)}, inputs)
    assert module.weight is weight
    assert torch.equal(stateless({"bias": torch.zeros(2)}, inputs), inputs @ weight.T)


def test_an_empty_place_is_empty_again(inputs):
    """A buffer that is None at first, and a tensor during the call, which another call must not see."""

    class Remembering(nn.Linear):
        def __init__(self):
            super().__init__(3, 2)
            self.register_buffer("mean", None)

        def forward(self, inputs):
            if self.mean is None:
                self.mean = inputs.mean(0)
            return super().forward(inputs - self.mean)

    module = Remembering()
    stateless, tensors = StatelessModule(module), dict(module.named_parameters())
    outputs = [stateless(dict(tensors), inputs) for inputs in (inputs, inputs + 1)]
    assert module.mean is None
    torch.testing.assert_close(*outputs)
