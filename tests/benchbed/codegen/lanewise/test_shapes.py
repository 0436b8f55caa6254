"""Numbers that are moved about are where torch puts them, to the bit."""

import torch
from torch.nn import functional


def changed(x, place, value):
    """Write a value, or what is to be made of what is there, into a place of a copy."""
    copy = x.clone()
    copy[place] = value
    return copy


def grown(x, step):
    """Add to every `step`-th number of a copy, in place."""
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
    "last": lambda x, y: x[..., -1],
    "slice": lambda x, y: x[..., 1:3],
    "from behind": lambda x, y: x[..., -2:, :],
    "every other": lambda x, y: x[..., ::2],
    "beyond": lambda x, y: x[..., 1:99],
    "cat": lambda x, y: torch.cat([x, y.unsqueeze(-2)], -2),
    "cat of types": lambda x, y: torch.cat([y, y > 0], -1),
    "stack": lambda x, y: torch.stack([y, -y], -1),
    "flip": lambda x, y: x.flip(-1),
    "flip both": lambda x, y: x.flip(-1, -2),
    "split": lambda x, y: x.split(3, -1)[1],
    "chunk": lambda x, y: x.chunk(2, -1)[0] - x.chunk(2, -1)[1],
    "unbind": lambda x, y: x.unbind(-1)[2],
    "diagonal": lambda x, y: x.diagonal(dim1=-2, dim2=-1),
    "off the diagonal": lambda x, y: x.diagonal(1, -2, -1),
    "tril": lambda x, y: x.tril(),
    "triu": lambda x, y: x.triu(1),
    "diag_embed": lambda x, y: y.diag_embed(),
    "repeat": lambda x, y: y.repeat(1, 1, 2),
    "tile": lambda x, y: y.tile(3),
    "pad": lambda x, y: functional.pad(x, (1, 2, 0, 1), value=7.5),
    "where": lambda x, y: torch.where(x > 0, x, y.unsqueeze(-2)),
}
CHANGES = {
    "a place": lambda x, y: changed(x, (..., 0), 5.0),
    "a part": lambda x, y: changed(x, (..., slice(1, 3)), 0.5),
    "a row": lambda x, y: changed(x, (..., 2, slice(None)), y),
    "places": lambda x, y: changed(x, (..., slice(None, None, 2)), -1),
    "in place": lambda x, y: grown(x, 2),
    "rows": lambda x, y: changed(x, (..., slice(0, 2), slice(None)), y.unsqueeze(-2)),
    "one": lambda x, y: changed(y, (..., 3), 9.0),
    "accumulated": lambda x, y: y.clone().add_(y).mul_(y).sub_(1),
    "zeroed": lambda x, y: x.clone().zero_() + y.unsqueeze(-2),
    "filled": lambda x, y: x.clone().fill_(3) * x,
    "slice_scatter": lambda x, y: torch.slice_scatter(x, x[..., :1], -1, 3, 4),
    "masked": lambda x, y: y.clone().masked_fill_(y > 0, 2),
    "select_scatter": lambda x, y: torch.select_scatter(x, y, -2, 1),
    "copied": lambda x, y: torch.empty_like(y).copy_(y) * 2,
}
KEPT = torch.tensor([0.1, float("nan"), float("-inf"), 5e-324])
MADE = {
    "zeros": lambda x, y: y + torch.zeros(4),
    "ones_like": lambda x, y: y + torch.ones_like(y),
    "full": lambda x, y: y * torch.full((4,), 2.5),
    "full_like": lambda x, y: torch.full_like(y, 0.1),
    "new_zeros": lambda x, y: y.new_zeros(4) - y,
    "eye": lambda x, y: x + torch.eye(3, 4),
    "arange": lambda x, y: y * torch.arange(4),
    "from to": lambda x, y: y * torch.arange(2, 10, 2),
    "floats": lambda x, y: y * torch.arange(0.1, 0.5, 0.1),
    "linspace": lambda x, y: y * torch.linspace(0, 1, 4, dtype=torch.float64),
    "kept": lambda x, y: y * KEPT.double(),
    "kept, single": lambda x, y: torch.where(y > 0, KEPT, 0.1),
    "whole": lambda x, y: y * torch.tensor([2**40, -1, 0, 7]),
    "truths": lambda x, y: y * torch.tensor([True, False, True, True]),
    "scalar": lambda x, y: y * torch.tensor(0.1),
    "scalar_tensor": lambda x, y: torch.where(y > 0, torch.scalar_tensor(1.0), torch.scalar_tensor(0.1)),
    "infinite": lambda x, y: y * float("-inf"),
    "nowhere": lambda x, y: y + float("nan"),
    "of inputs alone": lambda x, y: torch.full_like(y, 2).exp2().log2(),
    "unchanged": lambda x, y: y,
}


def test_views_and_copies(compare, sample):
    """Reshaped, permuted, cut, joined, flipped, repeated, padded."""
    assert compare(VIEWS, sample(3, 4), sample(4, seed=1)).differing() == []


def test_what_is_changed_in_place_is_a_copy_with_the_change(compare, sample):
    """A program knows values and no memory; a part that is changed changes the whole it is of."""
    assert compare(CHANGES, sample(3, 4), sample(4, seed=1)).differing() == []


def test_constants(compare, sample):
    """Tensors that are made in a step, that a function holds, and numbers without a literal."""
    assert compare(MADE, sample(3, 4), sample(4, seed=1)).differing() == []


def test_tensors_without_the_dimensions_of_the_lanes(compare, sample):
    """A rule under vmap sees a single lane: vectors, matrices and scalars."""
    functions = {
        "cumsum": lambda x, y: each(lambda v: v.cumsum(0), y),
        "select": lambda x, y: each(lambda v: v[2] * v, y),
        "scalar": lambda x, y: each(lambda v: v.sum() * v, y),
        "norm": lambda x, y: each(lambda v: v / v.norm(), y),
        "outer": lambda x, y: each(lambda v: torch.outer(v, v), y),
        "max": lambda x, y: each(lambda v: v.max() - v.min() + v, y),
        "changed": lambda x, y: each(lambda v: changed(v, 1, 3.0), y),
        "scalar cumsum": lambda x, y: each(lambda v: v[0].cumsum(0) + v, y),
        "matrix": lambda x, y: each(lambda m: m @ m.mT, x),
        "trace": lambda x, y: each(lambda m: m[:3, :3].trace() + m, x),
    }
    assert compare(functions, sample(3, 4), sample(4, seed=1)).differing(rtol=1e-13, atol=1e-13) == []


def each(function, tensor):
    """Apply a function of a lane to all lanes."""
    return torch.func.vmap(torch.func.vmap(function))(tensor)
