"""Compilation of tensorwise functions."""

import pytest

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function


@pytest.fixture
def compile_tensorwise():
    """Return a function that compiles a function of lane tensors `[seeds, settings, ...]` to the lane's new tensors."""

    def compile_function(function, inputs, kinds=None):
        kinds = kinds or ["lane"] * len(inputs)
        traced_inputs = [
            tensor[:1, :1].contiguous() if kind == "lane" else tensor
            for kind, tensor in zip(kinds, inputs, strict=True)
        ]
        traced = TracedStep(trace_function(function, *traced_inputs), kinds, traced_inputs)
        return CompiledStep(traced, generate(traced, vector_width(inputs[0].dtype)))

    return compile_function
