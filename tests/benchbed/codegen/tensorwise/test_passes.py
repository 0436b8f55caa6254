"""Passes and loop fusion reduce memory traffic and preserve the results."""

import re

import pytest
import torch

pytestmark = pytest.mark.slow

SEEDS, SETTINGS = 2, 2


@pytest.fixture
def generated(compile_tensorwise):
    """Return a function that compiles a step for its first input, checks it against torch, and returns its C++."""

    def generate_and_check(function, *inputs):
        compiled = compile_tensorwise(lambda *tensors: [function(*tensors), *tensors[1:]], inputs)
        result = compiled.run([1], SEEDS, SETTINGS, list(inputs))[0][0]
        torch.testing.assert_close(result, function(*inputs), rtol=1e-12, atol=1e-12)
        return compiled.source.text.split('extern "C"')[1]

    return generate_and_check


def normal(*shape):
    """Draw normal numbers for every lane."""
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(SEEDS, SETTINGS, *shape, generator=generator, dtype=torch.float64)


def stored_results(text):
    """List the buffers to which vectors of computed numbers are stored."""
    return re.findall(r"store_part<\d+>\(t\d+, (b\d+)", text)


def test_outer_product_is_fused(generated):
    """A column times a row is computed in the loop that needs it, and is not stored."""
    text = generated(
        lambda x, u, v: x + torch.sin((u.unsqueeze(-1) @ v.unsqueeze(-2)).square()),
        *(normal(9, 20), normal(9), normal(20)),
    )
    assert "product<" not in text
    assert len(re.findall(r"of_sin\(", text)) == 2, (
        text
    )  # in one loop: for vectors, and for the remaining numbers


def test_cheap_operations_are_rematerialized(generated):
    """2x + 1 is not stored: the later loop computes it again."""

    def function(x, w):
        shifted = 2 * x + 1
        slope = (torch.exp(shifted) @ w).sum(-1, keepdim=True)
        return x - slope * shifted * shifted

    text = generated(function, normal(6, 8), normal(8, 8))
    assert len(stored_results(text)) == 2, text  # the exponentials, and the result


def test_rematerialized_value_is_stored_for_a_product(generated):
    """A matrix product reads it from memory, and so do the loops."""

    def function(x, w):
        shifted = 2 * x + 1
        return x + (shifted @ w).sum(-1, keepdim=True) * shifted

    generated(function, normal(6, 8), normal(8, 8))


def test_long_chains_are_stored(generated):
    """More than `MAX_REMATERIALIZED` operations cost more than a store and a load."""

    def function(x, w):
        polynomial = ((((x + 1) * x + 2) * x + 3) * x + 4) * x
        return x + (torch.exp(polynomial) @ w).sum(-1, keepdim=True) * polynomial

    text = generated(function, normal(6, 8), normal(8, 8))
    assert len(stored_results(text)) == 3, text  # the exponentials, the polynomial, and the result


def test_common_subexpressions_are_computed_once(generated):
    """Also those that become equal only after their operands are merged."""

    def function(x, w):
        return x + torch.sin(torch.exp(x @ w)) * torch.cos(torch.exp(x @ w))

    text = generated(function, normal(6, 8), normal(8, 8))
    assert len(re.findall(r"product<", text)) == 1


def test_zeros_of_different_signs_are_not_merged(generated):
    """They are equal, but `copysign` gives different results for them."""
    generated(
        lambda x: x.abs().copysign(torch.full_like(x, 0.0)) - x.abs().copysign(torch.full_like(x, -0.0)),
        normal(6, 8),
    )


def test_integer_and_float_constants_are_not_merged(generated):
    """2 equals 2.0, but a sum with the latter is a float, in which large numbers are rounded."""

    def function(x):
        odd = 2**26 * x.abs().ceil().long() + 1
        return x + (odd + 2 - odd) + 8 * (odd + 2.0 - odd)

    generated(function, normal(6, 8))


def test_equal_results_are_both_stored(compile_tensorwise):
    """Each in its own tensor of the lane."""
    inputs = [normal(4, 5), normal(4, 5) + 1]
    compiled = compile_tensorwise(lambda x, y: [torch.exp(x), torch.exp(x)], inputs)
    first, second = compiled.run([1], SEEDS, SETTINGS, inputs)[0]
    torch.testing.assert_close(first, torch.exp(inputs[0]), rtol=1e-12, atol=1e-12)
    assert torch.equal(first, second)
