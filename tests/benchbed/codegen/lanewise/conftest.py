"""Write functions of lanes as programs, and compare what they make with what torch makes."""

import pytest
import torch

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.lanewise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function

SEEDS, SETTINGS = 3, 7
"""Lanes of the tests: no multiple of any vector's width, in neither axis."""


class Comparison:
    """What a program of lanes made of its inputs, beside what torch makes of all lanes at once."""

    def __init__(self, functions, inputs, axis):
        self.names = list(functions)
        self.expected = [function(*inputs) for function in functions.values()]
        width = vector_width(inputs[0].dtype)
        one = [tensor[:1, :1].contiguous() for tensor in inputs]
        # Every outcome has a place among the tensors of the lanes; nothing reads what is there before.
        places = [torch.zeros_like(each) for each in self.expected]
        first = [place[:1, :1].contiguous() for place in places]

        def step(given, _places):
            return [*given, *[function(*given) for function in functions.values()]]

        graph = trace_function(step, one, first)
        trace = TracedStep(graph, ["lane"] * (len(one) + len(first)), [*one, *first])
        compiled = CompiledStep(trace, generate(trace, axis, width))
        self.made = compiled.run([1], *inputs[0].shape[:2], [*inputs, *places])[0][len(inputs) :]

    def differing(self, rtol=0.0, atol=0.0):
        """Name what is not as torch has it: to the bit, or NaN and infinities alike and the others nearly."""
        return [
            f"{name}: {one.flatten()[~alike.flatten()][:3]} is not {other.flatten()[~alike.flatten()][:3]}"
            for name, one, other in zip(self.names, self.made, self.expected, strict=True)
            if not (alike := alike_in(one, other, rtol, atol)).all()
        ]


def alike_in(one, other, rtol, atol):
    """Mark the numbers that are alike; a tensor of another type or shape is nowhere so."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return torch.zeros(1, dtype=torch.bool)
    alike = (one == other) | (one.isnan() & other.isnan())
    if not one.is_floating_point():
        return alike
    if rtol or atol:
        return alike | torch.isclose(one, other, rtol=rtol, atol=atol)
    return alike & ((torch.signbit(one) == torch.signbit(other)) | one.isnan())


@pytest.fixture
def compare(monkeypatch):
    """Give a function that compares functions of tensors of lanes, by name; they stand in one program, a long one."""
    monkeypatch.setattr("benchbed.codegen.emitter.MOST_STATEMENTS", 8_000)

    def make(functions, *inputs, axis="lanes"):
        return Comparison(functions, inputs, axis)

    return make


@pytest.fixture
def sample():
    """Give a function that draws numbers for all lanes, `[3, 7, *shape]`, the same ones each time."""

    def draw(*shape, seed=0, dtype=torch.float64):
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(SEEDS, SETTINGS, *shape, generator=generator, dtype=torch.float64).to(dtype)

    return draw
