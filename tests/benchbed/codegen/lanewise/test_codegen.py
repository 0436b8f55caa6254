"""Steps that the lanewise form does not support are rejected before anything is compiled."""

import pytest
import torch

from benchbed.codegen import emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.lanewise import codegen, inputs

pytestmark = pytest.mark.slow

INTEGER_FUNCTIONS = {
    "power": lambda x: x.long() ** 5 + x,
    "power of two": lambda x: torch.pow(2, x.long()) + x,
    "floor division": lambda x: x.long() // 2 + x,
    "remainder": lambda x: x.long() % 3 + x,
}
UNSUPPORTED_TYPES = {
    "complex": lambda x: (x * 1j).real,
    "half": lambda x: x.half().double(),
    "bfloat16": lambda x: x.bfloat16().double(),
    "int8": lambda x: x.to(torch.int8).double(),
    "view of bits": lambda x: x.view(torch.int64).double(),
}
UNSUPPORTED_OPERATIONS = {
    "sort": lambda x: x.sort(-1).values,
    "median": lambda x: x.median(-1).values,
    "argmax": lambda x: x.argmax(-1) + x[..., 0],
    "index of max": lambda x: x.max(-1).indices + x[..., 0],
    "inverse": lambda x: torch.linalg.inv(torch.einsum("...i,...j->...ij", x, x) + torch.eye(4)),
    "index by a tensor": lambda x: x[..., torch.tensor([2, 0])],
    "rand_like": torch.rand_like,
    "randn": lambda x: x + torch.randn(4),
    "argsort": lambda x: x.argsort(-1) + x,
    "digamma": torch.digamma,
    "view of bits in a sum": lambda x: x.view(torch.int64) + x,
    "round to decimals": lambda x: x.round(decimals=2),
}
REJECTED = {**INTEGER_FUNCTIONS, **UNSUPPORTED_TYPES, **UNSUPPORTED_OPERATIONS}


@pytest.mark.parametrize("function", REJECTED.values(), ids=REJECTED)
def test_unsupported_operations_and_types_are_rejected(compare, sample, monkeypatch, function):
    """The error names the operation or type; the compiler is not called."""

    def fail(source):
        raise AssertionError("compiled")

    monkeypatch.setattr("benchbed.codegen.compiled_step.load", fail)
    with pytest.raises(UnsupportedOperationError, match=r"^\w"):
        compare({"function": function}, sample(4))


@pytest.mark.parametrize(("limit", "is_allowed"), [(12, True), (11, False)])
def test_number_of_operations_is_limited(compare, sample, monkeypatch, limit, is_allowed):
    """Four exponentials, a shared 1, four sums with it, three sums of four terms; repeated operations count once."""
    monkeypatch.setattr(emitter, "MAX_STATEMENTS", limit)
    functions = {
        "exp": lambda x: x.exp() + 1,
        "repeated": lambda x: x.exp() + 1,
        "sum": lambda x: x.exp().sum(-1),
    }
    if is_allowed:
        assert compare(functions, sample(4)).differences(rtol=1e-14) == []
    else:
        with pytest.raises(UnsupportedOperationError, match="a step of more than 11 operations"):
            compare(functions, sample(4))


def test_size_of_an_input_is_limited(compare, sample, monkeypatch):
    """Each number needs a variable."""
    monkeypatch.setattr(inputs, "MAX_NUMBERS", 3)
    with pytest.raises(UnsupportedOperationError, match="an input of more than 3 numbers"):
        compare({"sum": lambda x: x.sum(-1)}, sample(4))


def test_size_of_intermediate_tensors_and_constants_is_limited(compare, sample, monkeypatch):
    """Also where all elements are the same, so that few statements are emitted."""
    monkeypatch.setattr(codegen, "MAX_ELEMENTS", 100)
    constant = torch.ones(101, dtype=torch.float64)
    functions = {
        "expand": lambda x: x.unsqueeze(-1).expand(-1, -1, 4, 30).amax(-1),
        "zeros": lambda x: x + torch.zeros(101).sum(),
        "closure": lambda x: x + constant[0],
    }
    for name, function in functions.items():
        with pytest.raises(UnsupportedOperationError, match="a tensor of more than 100 numbers"):
            compare({name: function}, sample(4))
