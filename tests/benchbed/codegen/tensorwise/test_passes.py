"""A step is rewritten so that less of it goes through memory, and gives what it gave."""

import re

import torch

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function

SEEDS, SETTINGS = 2, 2


def program_of(function, *inputs):
    """Give the program of a step that replaces its first input, after a comparison with torch."""

    def step(*tensors):
        return [function(*tensors), *tensors[1:]]

    one = [tensor[:1, :1].contiguous() for tensor in inputs]
    traced = TracedStep(trace_function(step, *one), ["lane"] * len(one), one)
    compiled = CompiledStep(traced, generate(traced, vector_width(inputs[0].dtype)))
    made = compiled.run([1], SEEDS, SETTINGS, list(inputs))[0][0]
    torch.testing.assert_close(made, function(*inputs), rtol=1e-12, atol=1e-12)
    return compiled.source.text.split('extern "C"')[1]


def normal(*shape):
    """Draw numbers for every lane."""
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(SEEDS, SETTINGS, *shape, generator=generator, dtype=torch.float64)


def test_a_column_by_a_row_is_multiplied_number_by_number():
    """In the loops of who needs the product, which lies nowhere."""
    text = program_of(
        lambda x, u, v: x + torch.sin((u.unsqueeze(-1) @ v.unsqueeze(-2)).square()),
        *(normal(9, 20), normal(9), normal(20)),
    )
    assert "product<" not in text
    sines = re.findall(r"of_sin\(", text)
    assert len(sines) == 2, text  # of the one loop there is: several at a time, and the rest


def test_few_operations_are_done_again():
    """2x + 1 is stored nowhere: the later loop makes it again."""

    def function(x, w):
        shifted = 2 * x + 1
        slope = (torch.exp(shifted) @ w).sum(-1, keepdim=True)
        return x - slope * shifted * shifted

    text = program_of(function, normal(6, 8), normal(8, 8))
    stores = re.findall(r"put\(t\d+, (b\d+)", text)
    assert len(stores) == 2, text  # the exponentials, and the outcome


def test_a_number_made_again_is_stored_for_who_needs_it_whole():
    """A product reads it from memory, and so do the loops."""

    def function(x, w):
        shifted = 2 * x + 1
        return x + (shifted @ w).sum(-1, keepdim=True) * shifted

    program_of(function, normal(6, 8), normal(8, 8))


def test_long_chains_are_stored():
    """Beyond a few operations, memory is the shorter way."""

    def function(x, w):
        long = ((((x + 1) * x + 2) * x + 3) * x + 4) * x
        return x + (torch.exp(long) @ w).sum(-1, keepdim=True) * long

    text = program_of(function, normal(6, 8), normal(8, 8))
    stores = re.findall(r"put\(t\d+, (b\d+)", text)
    assert len(stores) == 3, text  # the polynomial as well


def test_what_is_computed_twice_is_computed_once():
    """Also behind what is the same only after that."""

    def function(x, w):
        return x + torch.sin(torch.exp(x @ w)) * torch.cos(torch.exp(x @ w))

    text = program_of(function, normal(6, 8), normal(8, 8))
    assert len(re.findall(r"product<", text)) == 1


def test_zeros_of_either_sign_are_kept_apart():
    """They are equal, and give a size another sign."""
    program_of(
        lambda x: x.abs().copysign(torch.full_like(x, 0.0)) - x.abs().copysign(torch.full_like(x, -0.0)),
        normal(6, 8),
    )


def test_whole_numbers_and_others_are_kept_apart():
    """1 is equal to 1.0, and what comes of it has another type, in which large numbers are rounded."""

    def function(x):
        odd = 2**26 * x.abs().ceil().long() + 1
        return x + (odd + 2 - odd) + 8 * (odd + 2.0 - odd)

    program_of(function, normal(6, 8))


def test_two_outcomes_that_are_the_same_are_both_there():
    """Each in its own place."""

    def step(x, y):
        return [torch.exp(x), torch.exp(x)]

    inputs = [normal(4, 5), normal(4, 5) + 1]
    one = [tensor[:1, :1].contiguous() for tensor in inputs]
    traced = TracedStep(trace_function(step, *one), ["lane"] * 2, one)
    compiled = CompiledStep(traced, generate(traced, vector_width(torch.float64)))
    first, second = compiled.run([1], SEEDS, SETTINGS, inputs)[0]
    torch.testing.assert_close(first, torch.exp(inputs[0]), rtol=1e-12, atol=1e-12)
    assert torch.equal(first, second)
