"""Views, copies, slices and constants match torch to the bit."""

import pytest
import torch
from torch.nn import functional

pytestmark = pytest.mark.slow


def with_assignment(x, index, value):
    """Return a copy with `value` assigned at `index`."""
    copy = x.clone()
    copy[index] = value
    return copy


def with_updates(x, step):
    """Return a copy with every `step`-th column incremented and the first row doubled in place."""
    copy = x.clone()
    copy[..., ::step].add_(1)
    copy[..., 0, :] *= 2
    return copy


VIEWS = {
    "view": lambda x, y: x.view(*x.shape[:2], 12),
    "reshape": lambda x, y: x.mT.reshape(*x.shape[:2], 2, 6),
    "permute": lambda x, y: x.permute(0, 1, 3, 2),
    "transpose": lambda x, y: x.transpose(-1, -2).contiguous(),
    "movedim": lambda x, y: x.movedim(-1, 2),
    "expand": lambda x, y: y.unsqueeze(2).expand(-1, -1, 3, -1),
    "broadcast": lambda x, y: x + y.unsqueeze(-2),
    "squeeze": lambda x, y: x[..., :1].squeeze(-1),
    "unsqueeze": lambda x, y: y.unsqueeze(-1),
    "flatten": lambda x, y: x.flatten(2),
    "unflatten": lambda x, y: y.unflatten(-1, (2, 2)),
    "select": lambda x, y: x[..., 1, :],
    "select last": lambda x, y: x[..., -1],
    "slice": lambda x, y: x[..., 1:3],
    "slice from the end": lambda x, y: x[..., -2:, :],
    "slice with step": lambda x, y: x[..., ::2],
    "slice beyond the end": lambda x, y: x[..., 1:99],
    "cat": lambda x, y: torch.cat([x, y.unsqueeze(-2)], -2),
    "cat of types": lambda x, y: torch.cat([y, y > 0], -1),
    "cat of nothing": lambda x, y: torch.cat([y, torch.cat([y[..., :0], y[..., :0]], -1)], -1),
    "stack": lambda x, y: torch.stack([y, -y], -1),
    "flip": lambda x, y: x.flip(-1),
    "flip both": lambda x, y: x.flip(-1, -2),
    "split": lambda x, y: x.split(3, -1)[1],
    "chunk": lambda x, y: x.chunk(2, -1)[0] - x.chunk(2, -1)[1],
    "unbind": lambda x, y: x.unbind(-1)[2],
    "diagonal": lambda x, y: x.diagonal(dim1=-2, dim2=-1),
    "diagonal with offset": lambda x, y: x.diagonal(1, -2, -1),
    "tril": lambda x, y: x.tril(),
    "triu": lambda x, y: x.triu(1),
    "diag_embed": lambda x, y: y.diag_embed(),
    "repeat": lambda x, y: y.repeat(1, 1, 2),
    "tile": lambda x, y: y.tile(3),
    "pad": lambda x, y: functional.pad(x, (1, 2, 0, 1), value=7.5),
    "where": lambda x, y: torch.where(x > 0, x, y.unsqueeze(-2)),
}
ASSIGNMENTS = {
    "column": lambda x, y: with_assignment(x, (..., 0), 5.0),
    "slice": lambda x, y: with_assignment(x, (..., slice(1, 3)), 0.5),
    "row": lambda x, y: with_assignment(x, (..., 2, slice(None)), y),
    "slice with step": lambda x, y: with_assignment(x, (..., slice(None, None, 2)), -1),
    "in-place slices": lambda x, y: with_updates(x, 2),
    "rows": lambda x, y: with_assignment(x, (..., slice(0, 2), slice(None)), y.unsqueeze(-2)),
    "element": lambda x, y: with_assignment(y, (..., 3), 9.0),
    "in-place arithmetic": lambda x, y: y.clone().add_(y).mul_(y).sub_(1),
    "zero_": lambda x, y: x.clone().zero_() + y.unsqueeze(-2),
    "fill_": lambda x, y: x.clone().fill_(3) * x,
    "slice_scatter": lambda x, y: torch.slice_scatter(x, x[..., :1], -1, 3, 4),
    "masked_fill_": lambda x, y: y.clone().masked_fill_(y > 0, 2),
    "select_scatter": lambda x, y: torch.select_scatter(x, y, -2, 1),
    "copy_": lambda x, y: torch.empty_like(y).copy_(y) * 2,
}
CONSTANT = torch.tensor([0.1, float("nan"), float("-inf"), 5e-324])
CREATED = {
    "zeros": lambda x, y: y + torch.zeros(4),
    "ones_like": lambda x, y: y + torch.ones_like(y),
    "full": lambda x, y: y * torch.full((4,), 2.5),
    "full_like": lambda x, y: torch.full_like(y, 0.1),
    "new_zeros": lambda x, y: y.new_zeros(4) - y,
    "eye": lambda x, y: x + torch.eye(3, 4),
    "arange": lambda x, y: y * torch.arange(4),
    "arange with bounds": lambda x, y: y * torch.arange(2, 10, 2),
    "arange of floats": lambda x, y: y * torch.arange(0.1, 0.5, 0.1),
    "linspace": lambda x, y: y * torch.linspace(0, 1, 4, dtype=torch.float64),
    "closure": lambda x, y: y * CONSTANT.double(),
    "closure in single precision": lambda x, y: torch.where(y > 0, CONSTANT, 0.1),
    "integers": lambda x, y: y * torch.tensor([2**40, -1, 0, 7]),
    "bools": lambda x, y: y * torch.tensor([True, False, True, True]),
    "scalar": lambda x, y: y * torch.tensor(0.1),
    "scalar_tensor": lambda x, y: torch.where(y > 0, torch.scalar_tensor(1.0), torch.scalar_tensor(0.1)),
    "times -inf": lambda x, y: y * float("-inf"),
    "plus NaN": lambda x, y: y + float("nan"),
    "constants only": lambda x, y: torch.full_like(y, 2).exp2().log2(),
    "unchanged": lambda x, y: y,
}


def test_views_and_copies_match_torch(compare, sample):
    """Reshaping, permuting, slicing, concatenating, flipping, repeating, padding."""
    assert compare(VIEWS, sample(3, 4), sample(4, seed=1)).differences() == []


def test_in_place_assignments_match_torch(compare, sample):
    """Tracing turns an in-place change of a view into a new value of the tensor."""
    assert compare(ASSIGNMENTS, sample(3, 4), sample(4, seed=1)).differences() == []


def test_created_tensors_match_torch(compare, sample):
    """Tensors created in a step, tensors in a closure, and numbers without a C++ literal."""
    assert compare(CREATED, sample(3, 4), sample(4, seed=1)).differences() == []


def test_functions_under_vmap_match_torch(compare, sample):
    """Under vmap, tensors lack the dimensions of the lanes: vectors, matrices and scalars."""
    functions = {
        "cumsum": lambda x, y: per_lane(lambda v: v.cumsum(0), y),
        "select": lambda x, y: per_lane(lambda v: v[2] * v, y),
        "scalar": lambda x, y: per_lane(lambda v: v.sum() * v, y),
        "norm": lambda x, y: per_lane(lambda v: v / v.norm(), y),
        "outer": lambda x, y: per_lane(lambda v: torch.outer(v, v), y),
        "max": lambda x, y: per_lane(lambda v: v.max() - v.min() + v, y),
        "changed": lambda x, y: per_lane(lambda v: with_assignment(v, 1, 3.0), y),
        "scalar cumsum": lambda x, y: per_lane(lambda v: v[0].cumsum(0) + v, y),
        "matrix": lambda x, y: per_lane(lambda m: m @ m.mT, x),
        "trace": lambda x, y: per_lane(lambda m: m[:3, :3].trace() + m, x),
    }
    assert compare(functions, sample(3, 4), sample(4, seed=1)).differences(rtol=1e-13, atol=1e-13) == []


def per_lane(function, tensor):
    """Apply a function of one lane to all lanes."""
    return torch.func.vmap(torch.func.vmap(function))(tensor)
