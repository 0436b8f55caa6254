"""Reads and writes at positions match torch, and are checked."""

import pytest
import torch
from torch.nn.functional import embedding

pytestmark = pytest.mark.slow

LANES = (2, 3)


def normal(*shape, dtype=torch.float64, seed=0):
    """Draw normal numbers for every lane."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*LANES, *shape, generator=generator, dtype=torch.float64).to(dtype)


def integers(below, *shape, low=0):
    """Draw integers for every lane."""
    return torch.randint(low, below, (*LANES, *shape), generator=torch.Generator().manual_seed(len(shape)))


def test_rows_are_gathered_with_a_bounds_check(compile_tensorwise):
    """Negative indices count from the end; one out of range raises IndexError as in torch."""
    table = normal(7, 3)[0, 0]
    index = torch.randint(-7, 7, (*LANES, 11), generator=torch.Generator().manual_seed(1))
    rows = torch.zeros(*LANES, 11, 3, dtype=torch.float64)
    compiled = compile_tensorwise(lambda i, _, t: [i, t[i]], [index, rows, table], ["lane", "lane", "shared"])

    def gather(index):
        return compiled.run([1], *LANES, [index, rows, table])[0][1]

    torch.testing.assert_close(gather(index), table[index], rtol=0, atol=0)
    for out_of_range in (7, -8):
        with pytest.raises(IndexError, match="out of range"):
            gather(index.masked_fill(index == index[1, 2, 5], out_of_range))


def test_gathers_and_scatters_match_torch(assert_matches_torch):
    """Along any dimension, with repeated positions and fewer positions than numbers."""
    functions = {}
    for dim in (-1, -2, 2):
        functions[f"gather {dim}"] = lambda x, i, dim=dim: x.gather(dim, i[..., :3])
        functions[f"scatter_add {dim}"] = lambda x, i, dim=dim: x.scatter_add(dim, i[..., :3], x.mT.mT * 2)
        functions[f"scatter of a number {dim}"] = lambda x, i, dim=dim: x.scatter(dim, i, -2.5)
    functions["scatter of a tensor"] = lambda x, i: x.scatter(-1, i[..., :1], x[..., 1:2])
    functions["gather from a transpose"] = lambda x, i: x.mT.gather(-1, i)
    assert_matches_torch(functions, normal(4, 4), integers(4, 4, 4), tolerance=1e-15)


def test_indexed_rows_match_torch(assert_matches_torch):
    """By one or several adjacent tensors that broadcast, before and between other dimensions."""
    row, put = torch.tensor([2, -1, 0]), torch.ops.aten.index_put
    functions = {
        "between": lambda x: x[:, :, :, row],
        "broadcast": lambda x: x[:, :, row[:, None], row],
        "columns": lambda x: x[..., row],
        "from a transpose": lambda x: x.mT[:, :, row],
        "put": lambda x: put(x, [None, None, row], x[:, :, :3] * 2),
        "put a number": lambda x: put(x, [None, None, None, row], torch.tensor(3.0).double()),
        "add repeatedly": lambda x: put(x, [None, None, torch.tensor([1, 1, 0])], x[:, :, :3], True),
        "called, as they are not adjacent": torch.vmap(torch.vmap(lambda x: x[row, :, row])),
    }
    assert_matches_torch(functions, normal(4, 3, 5), tolerance=1e-15)


def test_embeddings_and_their_gradient_match_torch(assert_matches_torch):
    """Rows that occur several times receive the sum of their gradients."""

    def loss(table):
        rows = embedding(torch.tensor([[0, 3, 3], [6, 3, 0]]), table)
        return (rows * torch.arange(2.0, 20.0).double().view(2, 3, 3)).square().sum()

    def gradient(tables):
        return torch.vmap(torch.vmap(torch.func.grad(loss)))(tables)

    assert_matches_torch({"gradient": gradient}, normal(7, 3), tolerance=1e-13)


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i: x.gather(-1, i),
        lambda x, i: x.scatter_add(-1, i, x),
        lambda x, i: torch.vmap(torch.vmap(embedding))(i, x),
    ],
    ids=["gather", "scatter_add", "embedding"],
)
@pytest.mark.parametrize("position", [-1, 4])
def test_positions_out_of_range_raise(compile_tensorwise, read, position):
    """Torch allows negative positions only where it indexes by brackets."""
    x, index = normal(3, 4), integers(3, 3, 4)
    result = torch.zeros_like(read(x, index))
    inputs = [x, index, result]
    compiled = compile_tensorwise(lambda x, i, _: [x, i, read(x, i).reshape(1, 1, *result.shape[2:])], inputs)
    compiled.run([1], *LANES, inputs)
    index[1, 2, 2, 1] = position
    with pytest.raises(IndexError, match="out of range"):
        compiled.run([1], *LANES, inputs)
