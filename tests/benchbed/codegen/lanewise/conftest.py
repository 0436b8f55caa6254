"""Comparison of compiled lanewise functions with torch."""

import pytest
import torch

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.lanewise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function

SEEDS, SETTINGS = 3, 7
"""Lanes of the tests: not a multiple of any vector width, along either axis."""


class LanewiseComparison:
    """Results of several functions, compiled as one step, beside those of torch."""

    def __init__(self, functions, inputs, axis):
        self.names = list(functions)
        self.expected = [function(*inputs) for function in functions.values()]
        lane = [tensor[:1, :1].contiguous() for tensor in inputs]
        # Each result has a tensor of the lane, whose initial content is not read.
        outputs = [torch.zeros_like(tensor) for tensor in self.expected]
        lane_outputs = [output[:1, :1].contiguous() for output in outputs]

        def step(tensors, _outputs):
            return [*tensors, *[function(*tensors) for function in functions.values()]]

        graph = trace_function(step, lane, lane_outputs)
        traced = TracedStep(graph, ["lane"] * (len(lane) + len(outputs)), [*lane, *lane_outputs])
        compiled = CompiledStep(traced, generate(traced, axis, vector_width(inputs[0].dtype)))
        results = compiled.run([1], *inputs[0].shape[:2], [*inputs, *outputs])[0]
        self.results = results[len(inputs) :]

    def differences(self, rtol=0.0, atol=0.0):
        """List results that differ: in any bit, or by more than the tolerances if there are any."""
        return [
            f"{name}: {result.flatten()[~equal.flatten()][:3]} is not {expected.flatten()[~equal.flatten()][:3]}"
            for name, result, expected in zip(self.names, self.results, self.expected, strict=True)
            if not (equal := equal_elements(result, expected, rtol, atol)).all()
        ]


def equal_elements(result, expected, rtol, atol):
    """Return a mask of equal elements; a tensor of another type or shape has none."""
    if result.dtype != expected.dtype or result.shape != expected.shape:
        return torch.zeros(1, dtype=torch.bool)
    equal = (result == expected) | (result.isnan() & expected.isnan())
    if not result.is_floating_point():
        return equal
    if rtol or atol:
        return equal | torch.isclose(result, expected, rtol=rtol, atol=atol)
    return equal & ((torch.signbit(result) == torch.signbit(expected)) | result.isnan())


@pytest.fixture
def compare(monkeypatch):
    """Return a function that compiles named functions of lane tensors in one step and compares them with torch."""
    monkeypatch.setattr("benchbed.codegen.emitter.MAX_STATEMENTS", 8_000)

    def make_comparison(functions, *inputs, axis="lanes"):
        return LanewiseComparison(functions, inputs, axis)

    return make_comparison


@pytest.fixture
def sample():
    """Return a function that draws reproducible normal numbers for all lanes, `[3, 7, *shape]`."""

    def draw(*shape, seed=0, dtype=torch.float64):
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(SEEDS, SETTINGS, *shape, generator=generator, dtype=torch.float64).to(dtype)

    return draw
