"""What a program of lanes cannot do is refused before anything is compiled."""

import pytest
import torch

from benchbed.codegen import emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.lanewise import codegen, inputs

WHOLE = {
    "powers": lambda x: x.long() ** 5 + x,
    "powers of two": lambda x: torch.pow(2, x.long()) + x,
    "quotients": lambda x: x.long() // 2 + x,
    "what remains": lambda x: x.long() % 3 + x,
}
FOREIGN = {
    "complex": lambda x: (x * 1j).real,
    "half": lambda x: x.half().double(),
    "bfloat16": lambda x: x.bfloat16().double(),
    "int8": lambda x: x.to(torch.int8).double(),
    "bits": lambda x: x.view(torch.int64).double(),
}
MISSING = {
    "sort": lambda x: x.sort(-1).values,
    "median": lambda x: x.median(-1).values,
    "where the maximum is": lambda x: x.argmax(-1) + x[..., 0],
    "also": lambda x: x.max(-1).indices + x[..., 0],
    "inverse": lambda x: torch.linalg.inv(torch.einsum("...i,...j->...ij", x, x) + torch.eye(4)),
    "by index": lambda x: x[..., torch.tensor([2, 0])],
    "random": torch.rand_like,
    "normal": lambda x: x + torch.randn(4),
    "order": lambda x: x.argsort(-1) + x,
    "digamma": torch.digamma,
    "the same bits": lambda x: x.view(torch.int64) + x,
    "rounded to digits": lambda x: x.round(decimals=2),
}


@pytest.mark.parametrize(
    "function", [*WHOLE.values(), *FOREIGN.values(), *MISSING.values()], ids=[*WHOLE, *FOREIGN, *MISSING]
)
def test_what_is_not_written_is_refused(compare, sample, monkeypatch, function):
    """By its name or its type, and never by a compiler: nothing is compiled."""
    monkeypatch.setattr("benchbed.codegen.compiled_step.load", unwanted)
    with pytest.raises(UnsupportedOperationError, match=r"^\w"):
        compare({"it": function}, sample(4))


def unwanted(source):
    """Stand in for the compiler where none is wanted."""
    raise AssertionError("compiled")


@pytest.mark.parametrize(("most", "allowed"), [(12, True), (11, False)])
def test_a_step_may_not_have_too_many_operations(compare, sample, monkeypatch, most, allowed):
    """Four exponentials, a one for all, four sums with it, three for the sum; what is computed twice counts once."""
    monkeypatch.setattr(emitter, "MOST_STATEMENTS", most)
    functions = {
        "exp": lambda x: x.exp() + 1,
        "again": lambda x: x.exp() + 1,
        "sum": lambda x: x.exp().sum(-1),
    }
    if allowed:
        assert compare(functions, sample(4)).differing(rtol=1e-14) == []
    else:
        with pytest.raises(UnsupportedOperationError, match="a step of more than 11 operations"):
            compare(functions, sample(4))


def test_an_input_may_not_have_too_many_numbers(compare, sample, monkeypatch):
    """Each is a variable of its own."""
    monkeypatch.setattr(inputs, "MOST_NUMBERS", 3)
    with pytest.raises(UnsupportedOperationError, match="an input of more than 3 numbers"):
        compare({"sum": lambda x: x.sum(-1)}, sample(4))


def test_a_tensor_on_the_way_may_not_have_too_many_numbers(compare, sample, monkeypatch):
    """Not even where all of them are the same, and nothing is computed."""
    monkeypatch.setattr(codegen, "MOST_ELEMENTS", 100)
    with pytest.raises(UnsupportedOperationError, match="a tensor of more than 100 numbers"):
        compare({"wide": lambda x: x.unsqueeze(-1).expand(-1, -1, 4, 30).amax(-1)}, sample(4))
    with pytest.raises(UnsupportedOperationError, match="a tensor of more than 100 numbers"):
        compare({"held": lambda x: x + torch.zeros(101).sum()}, sample(4))
    held = torch.ones(101, dtype=torch.float64)
    with pytest.raises(UnsupportedOperationError, match="a tensor of more than 100 numbers"):
        compare({"constant": lambda x: x + held[0]}, sample(4))
