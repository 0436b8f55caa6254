"""Compilation of tensorwise functions, and comparison with torch."""

import pytest
import torch

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function

LANES = (2, 3)


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


@pytest.fixture
def run_compiled(compile_tensorwise):
    """Return a function that runs a function of tensors `[2, 3, ...]` as one compiled step, and returns its results."""

    def run(function, *inputs):
        outputs = [torch.zeros_like(result) for result in function(*inputs)]
        count = len(inputs)

        def step(*tensors):
            return [*tensors[:count], *(result.contiguous() for result in function(*tensors[:count]))]

        lanes = [*inputs, *outputs]
        return compile_tensorwise(step, lanes).run([1], *LANES, lanes)[0][count:]

    return run


@pytest.fixture
def assert_matches_torch(run_compiled):
    """Return a function that compiles named functions in one step, and compares each with torch."""

    def check(functions, *inputs, tolerance=None):
        limits = {} if tolerance is None else {"rtol": tolerance, "atol": tolerance}
        results = run_compiled(lambda *tensors: [f(*tensors) for f in functions.values()], *inputs)
        for (name, function), result in zip(functions.items(), results, strict=True):
            torch.testing.assert_close(
                result,
                function(*inputs),
                **limits,
                equal_nan=True,
                msg=lambda text, name=name: f"{name}: {text}",
            )

    return check
