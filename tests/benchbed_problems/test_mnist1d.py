"""mnist1d: sizes of the networks, and the control of shuffled positions."""

import torch

from benchbed_problems.mnist1d import Mnist1d


def test_the_networks_have_the_published_sizes():
    """410, 15 210 and 5 210 parameters."""
    with torch.random.fork_rng(devices=[]):
        networks = [Mnist1d(network=name).make_network() for name in ("linear", "mlp", "cnn")]
    sizes = [sum(parameter.numel() for parameter in network.parameters()) for network in networks]
    assert sizes == [410, 15_210, 5_210]


def test_shuffling_permutes_the_positions():
    """The same numbers in another order, the same for training and test signals."""
    ((x, _), (test_x, _)), ((shuffled, _), (test_shuffled, _)) = (
        Mnist1d(shuffled=shuffled).make_data() for shuffled in (False, True)
    )
    assert not torch.equal(x, shuffled)
    order = torch.tensor(
        [(x[:50, position, None] == shuffled[:50]).all(0).nonzero().item() for position in range(40)]
    )
    assert torch.equal(test_shuffled[:, order], test_x)
