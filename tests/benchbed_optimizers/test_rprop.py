"""The path of rprop."""

import pytest
import torch

from benchbed_optimizers.rprop import rprop

SETTINGS = [
    {"learning_rate": 0.001, "decrease": 0.5, "increase": 1.2},
    {"learning_rate": 0.01, "decrease": 0.4, "increase": 1.1},
    {"learning_rate": 0.0001, "decrease": 0.6, "increase": 1.05},
]


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `torch.optim.Rprop`."""
    assert_same_path_as_torch(
        rprop,
        SETTINGS,
        lambda parameters, setting: torch.optim.Rprop(
            parameters, lr=setting["learning_rate"], etas=(setting["decrease"], setting["increase"])
        ),
    )


@pytest.mark.parametrize("factors", [{"decrease": 1.1}, {"increase": 0.9}, {"decrease": 0.0}])
def test_step_sizes_grow_and_shrink(factors):
    """As torch demands of its `etas`."""
    with pytest.raises(ValueError, match="1 must lie between them"):
        rprop(**factors)
