"""Tracing yields a graph of core operations without side effects, or raises."""

import inspect

import pytest
import torch

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.lanewise.codegen import OPERATIONS
from benchbed.codegen.trace import TracedStep, trace_function

INPUT = torch.full((1, 1, 3), 2.0, dtype=torch.float64)


def operations(function):
    """List the operations of a traced function."""
    nodes = trace_function(function, INPUT.clone()).graph.nodes
    return [node.target.overloadpacket.__name__ for node in nodes if node.op == "call_function"]


def test_operations_are_decomposed():
    """Into those that the lanewise form supports."""
    names = operations(lambda x: [torch.addcdiv(x, x, x), torch.ones_like(x), torch.nn.functional.silu(x)])
    assert set(names) <= set(OPERATIONS)
    assert {"div", "full_like", "sigmoid"} <= set(names)


def test_in_place_changes_become_values():
    """Also those in torch's decompositions."""
    assert operations(lambda x: [x.clone().mul_(2)]) == ["clone", "mul"]
    names = operations(lambda x: [torch.nn.functional.cosine_similarity(x, 2 * x, dim=-1)])
    assert set(names) <= set(OPERATIONS)


class Cube(torch.autograd.Function):
    """x³ with a wrong derivative of its own, which shows that it is used."""

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(_, gradient):
        return gradient.cos()


def test_autograd_functions_become_their_operations():
    """Forward or with their own derivative."""
    assert operations(lambda x: [Cube.apply(x)]) == ["pow"]
    assert "cos" in operations(lambda x: [torch.func.grad(lambda point: Cube.apply(point).sum())(x)])


def test_in_place_change_of_an_input_is_unsupported():
    """It stays in the graph as `copy_`, which no form supports: otherwise the change would be lost."""
    assert "copy_" in operations(lambda x: [x.mul_(2) + 1])
    assert "copy_" not in OPERATIONS


@pytest.mark.parametrize(
    "read",
    [
        lambda x: bool((x > 1).any()),
        lambda x: bool(x.sum().item() > 1),
        lambda x: float(x[0, 0, 0]) > 1,
        lambda x: len(x.nonzero()),
    ],
    ids=["bool", "item", "float", "nonzero"],
)
def test_function_that_reads_a_value_cannot_be_traced(read):
    """The value of one lane would become a constant for all lanes."""
    with pytest.raises(UnsupportedOperationError, match="depends on the value of a tensor") as raised:
        trace_function(lambda x: [x + 1 if read(x) else x], INPUT)
    assert raised.value.line == f"{__file__}:{inspect.getsourcelines(read)[1]}"


def test_inputs_of_other_shapes_and_types_are_rejected():
    """The compiled function would read beyond their end, or misread their bytes."""
    graph = trace_function(lambda x: [x + 1], INPUT)
    traced = TracedStep(graph, ["lane", "seed", "step_seed"], [INPUT, INPUT[:, :, 0], INPUT[:, :, 0]])
    lane = torch.zeros(4, 5, 3, dtype=torch.float64)
    seed = torch.zeros(4, 1, dtype=torch.float64)
    draw = torch.zeros(9, 4, 1, dtype=torch.float64)
    traced.check([lane, seed, draw])
    for inputs in (
        [lane[..., :2], seed, draw],
        [lane.float(), seed, draw],
        [lane, seed[:, :0], draw],
        [lane, seed, draw[0]],
    ):
        with pytest.raises(TypeError, match="differ between batches in more than the number of lanes"):
            traced.check(inputs)
