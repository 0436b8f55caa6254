"""Networks that carry values in plain attributes from one pass to the next are found, and those that record are not."""

from collections import deque
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from benchbed.errors import ContractError
from benchbed.interfaces.modules.network import examine
from benchbed.interfaces.modules.plain_state import carried_attributes, changed_attributes

BATCH = (torch.linspace(-1, 1, 12).view(4, 3), torch.tensor([0, 1, 1, 0]))


class Layer(nn.Linear):
    """A linear layer with an attribute `state`, whose inputs a function of the layer and the inputs changes."""

    def __init__(self, state, change):
        super().__init__(3, 2)
        self.state, self.change = state, change

    def forward(self, x):
        return super().forward(self.change(self, x))


def running_mean(layer, x):
    """Subtract the mean of the last batch of training."""
    if layer.training:
        layer.state = x.detach().mean(0)
    return x - layer.state


def cached(layer, x):
    """Scale by a number of the weight that measurements compute once."""
    if layer.training:
        layer.state = None
    elif layer.state is None:
        layer.state = layer.weight.detach().norm()
    return x if layer.state is None else x * layer.state


def of_first_batch(layer, x):
    """Subtract the mean of the first batch."""
    if layer.state is None:
        layer.state = x.mean(0)
    return x - layer.state


def of_first_weight(layer, x):
    """Scale by a number of the weight at the start."""
    if layer.state is None:
        layer.state = layer.weight.detach().norm()
    return x * layer.state


def counted(layer, x):
    """Count the passes."""
    layer.state += 1
    return x / layer.state


def appended(layer, x):
    """Append the inputs to a sequence."""
    layer.state.append(x)
    return x + layer.state[0]


def in_place(layer, x):
    """Change a tensor within an object."""
    layer.state.mean.mul_(0.9)
    return x - layer.state.mean


def recorded(layer, x):
    """Record the inputs and read them in the same pass."""
    layer.state = {"inputs": x, "sizes": [len(x)]}
    return layer.state["inputs"]


def computed_once(layer, x):
    """Compute a mask in the first pass."""
    if layer.state is None:
        layer.state = torch.ones(x.shape[-1]).cumsum(0)
    return x * layer.state


def constant(layer, x):
    """Read an object that does not change."""
    return x + layer.state.mean


def mean_loss(outputs, targets):
    """Return the cross-entropy."""
    return nn.functional.cross_entropy(outputs, targets)


CARRIED = {
    "mean": (lambda: torch.zeros(3), running_mean),
    "cache": (lambda: None, cached),
    "first batch": (lambda: None, of_first_batch),
    "first weight": (lambda: None, of_first_weight),
    "counter": (lambda: 0, counted),
    "list": (list, appended),
    "deque": (deque, appended),
    "object": (lambda: SimpleNamespace(mean=torch.ones(3)), in_place),
}


@pytest.mark.parametrize("name", CARRIED)
def test_values_that_are_carried_to_the_next_pass_are_rejected(name):
    """Each trial would measure them of another one, or those of the start."""
    state, change = CARRIED[name]
    with pytest.raises(ContractError, match=r"in the attributes state to the next pass, .*; register each"):
        examine(lambda: nn.Sequential(Layer(state(), change)), BATCH, mean_loss)


@pytest.mark.parametrize(
    ("state", "change"),
    [(None, recorded), (None, computed_once), (SimpleNamespace(mean=torch.ones(3), lock=object()), constant)],
)
def test_values_that_are_recorded_or_constant_are_allowed(state, change):
    """Such as the attention of the last batch, and a mask that depends on neither inputs nor parameters."""
    network = examine(lambda: nn.Sequential(Layer(state, change)), BATCH, mean_loss)
    assert network.layout.blocks == {"0.weight": (2, 3), "0.bias": (2,)}


class Masked(nn.Linear):
    """A layer that records its inputs without those of a mask."""

    def forward(self, x, mask):
        self.last = x.masked_fill(mask, 0.0)
        return super().forward(self.last)


class Bounded(nn.Linear):
    """A layer whose bias must not be positive."""

    def forward(self, x):
        if (self.bias > 0).any():
            raise ValueError("a positive bias")
        return super().forward(x)


def test_inputs_keep_their_types():
    """A mask is boolean in each pass."""
    mask = torch.tensor([[True, False, False]] * 4)
    network, inputs = Masked(3, 2), (BATCH[0], mask)
    assert carried_attributes(network, inputs, changed_attributes(network, inputs)) == set()


def test_a_network_without_state_runs_with_its_own_parameters_only():
    """It may not be defined for others."""
    network = Bounded(3, 2)
    nn.init.constant_(network.bias, -0.1)
    assert changed_attributes(network, BATCH[:1]) == set()
    assert carried_attributes(network, BATCH[:1], set()) == set()
