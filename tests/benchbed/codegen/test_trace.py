"""A step is traced as what it does to any lane, or not at all."""

import pytest
import torch

from benchbed.codegen.lanewise.codegen import OPERATIONS
from benchbed.codegen.trace import TracedStep, trace_function

ONE = torch.full((1, 1, 3), 2.0, dtype=torch.float64)


def names(step, *inputs):
    """List the operations of a traced step."""
    nodes = trace_function(step, *inputs).graph.nodes
    return [node.target.overloadpacket.__name__ for node in nodes if node.op == "call_function"]


def test_operations_are_taken_apart():
    """What has no entry in the table is made of what has."""
    parts = names(lambda x: [torch.addcdiv(x, x, x), torch.ones_like(x), torch.nn.functional.silu(x)], ONE)
    assert set(parts) <= set(OPERATIONS)
    assert {"div", "full_like", "sigmoid"} <= set(parts)


def test_what_changes_in_place_becomes_a_value():
    """Also what torch takes a function apart to."""
    assert names(lambda x: [x.clone().mul_(2)], ONE) == ["clone", "mul"]
    parts = names(lambda x: [torch.nn.functional.cosine_similarity(x, 2 * x, dim=-1)], ONE)
    assert set(parts) <= set(OPERATIONS)


def test_an_input_that_is_changed_in_place_is_no_program():
    """The change would be lost; it stays as an operation that no table has."""
    parts = names(lambda x: [x.mul_(2) + 1], ONE.clone())
    assert "copy_" in parts
    assert "copy_" not in OPERATIONS


@pytest.mark.parametrize(
    "look", [lambda x: bool((x > 1).any()), lambda x: x.sum().item() > 1, lambda x: float(x[0, 0, 0]) > 1,
             lambda x: len(x.nonzero())],
    ids=["a truth", "an item", "a float", "a length"],
)  # fmt: skip
def test_a_step_that_looks_at_a_number_cannot_be_traced(look):
    """Its answer for one lane would become everybody's."""
    with pytest.raises(Exception, match=r"[Dd]ata|dynamic|fake|item"):
        trace_function(lambda x: [x + 1 if look(x) else x], ONE)


def test_a_program_is_given_what_was_traced():
    """It would read beyond a tensor of another shape, and take numbers of another type for its own."""
    graph = trace_function(lambda x: [x + 1], ONE)
    trace = TracedStep(graph, ["lane", "seed", "step_seed"], [ONE, ONE[:, :, 0], ONE[:, :, 0]])
    lanes, seeds, draws = (
        torch.zeros(4, 5, 3).double(),
        torch.zeros(4, 1).double(),
        torch.zeros(9, 4, 1).double(),
    )
    trace.check([lanes, seeds, draws])
    for wrong in (
        [lanes[..., :2], seeds, draws],
        [lanes.float(), seeds, draws],
        [lanes, seeds[:, :0], draws],
        [lanes, seeds, draws[0]],
    ):
        with pytest.raises(
            TypeError, match="state or data differ between batches in more than the number of lanes"
        ):
            trace.check(wrong)
