"""The paths of decoupled weight decay."""

import functools

import pytest
import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed.interfaces import Layout
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.decay import decay
from benchbed_optimizers.wrappers.schedules import linear

SETTINGS = [{"learning_rate": 1e-3, "decay_weight": weight} for weight in (0.0, 0.1, 1.0)]


def test_adam_with_decay_is_adamw(assert_same_path_as_torch):
    """`torch.optim.AdamW`."""
    factory = functools.partial(wrapped_factory("decay", decay, adam), layout=Layout({"theta": (1,)}))
    assert_same_path_as_torch(
        factory,
        SETTINGS,
        lambda parameters, setting: torch.optim.AdamW(
            parameters, lr=setting["learning_rate"], weight_decay=setting["decay_weight"]
        ),
    )


@pytest.mark.parametrize(("blocks", "shrinks"), [("all", [1, 1, 1]), ("matrices", [1, 1, 0])])
def test_blocks_choose_what_decays(blocks, shrinks, oracle_of):
    """A bias and other vectors are left out by `matrices`; without a gradient only the decay is left."""
    layout = Layout({"weight": (1, 2), "bias": (1,)})
    factory = wrapped_factory("decay", decay, sgd)
    optimizer = factory(learning_rate=0.5, decay_weight=0.2, decay_blocks=blocks, layout=layout)
    theta = torch.ones(2, 3, dtype=torch.float64)
    moved, _ = optimizer.update(oracle_of(torch.zeros_like(theta)), optimizer.init(theta), theta)
    assert torch.equal(moved, (1 - 0.1 * torch.tensor(shrinks, dtype=torch.float64)).expand(2, -1))


def test_a_schedule_multiplies_the_decay(oracle_of):
    """At half of the budget a linear schedule halves it, as in torch."""
    factory = wrapped_factory("linear", linear, wrapped_factory("decay", decay, sgd))
    optimizer = factory(learning_rate=0.5, decay_weight=0.2, layout=Layout({"theta": (3,)}), budget=10)
    theta = torch.ones(3, dtype=torch.float64)
    oracle = oracle_of(torch.zeros_like(theta), progress=0.5)
    moved, _ = optimizer.update(oracle, optimizer.init(theta), theta)
    torch.testing.assert_close(moved, theta - 0.05)
