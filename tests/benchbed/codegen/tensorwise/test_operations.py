"""Tensorwise operations match torch."""

import itertools

import pytest
import torch
from torch.nn import functional

from benchbed.codegen.errors import UnsupportedOperationError

pytestmark = pytest.mark.slow

LANES = (2, 3)


def normal(*shape, dtype=torch.float64, seed=0):
    """Draw normal numbers for every lane."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*LANES, *shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_matrix_products_of_many_sizes_match_torch(assert_matches_torch, dtype):
    """From one row or column to more than a register holds, with contiguous and with transposed factors."""
    functions = {}
    for rows, columns, inner in itertools.product((1, 3, 9), (1, 2, 10, 16, 70), (1, 5, 33)):

        def product(x, m=rows, n=columns, k=inner):
            left, right = x[..., : m * k].unflatten(-1, (m, k)), x[..., -k * n :].unflatten(-1, (k, n))
            return left @ right

        def transposed_product(x, m=rows, n=columns, k=inner):
            left, right = x[..., : m * k].unflatten(-1, (k, m)), x[..., -k * n :].unflatten(-1, (n, k))
            return left.mT @ right.mT

        functions[f"{rows} × {inner} · {inner} × {columns}"] = product
        functions[f"{rows} × {inner} · {inner} × {columns}, transposed"] = transposed_product
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    assert_matches_torch(functions, normal(2_400, dtype=dtype), tolerance=tolerance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_rows_at_any_address_match_torch(assert_matches_torch, dtype):
    """Gates of a recurrent layer: parts of rows are read and written, whose addresses no vector is aligned to."""

    def gates(x, size):
        first, second, third, fourth = x[..., : 32 * size].unflatten(-1, (8, 4 * size)).chunk(4, -1)
        return torch.cat(
            [first.sigmoid() * second.tanh(), third + fourth, first - fourth, second * third], -1
        )

    functions = {f"{size}": lambda x, size=size: gates(x, size) for size in range(2, 18)}
    tolerance = 1e-14 if dtype == torch.float64 else 1e-6
    assert_matches_torch(functions, normal(32 * 17, dtype=dtype), tolerance=tolerance)


def test_transposes_of_many_sizes_match_torch(assert_matches_torch):
    """Of complete blocks, of blocks and parts, and of several matrices."""
    functions = {
        f"{rows} × {columns}": lambda x, shape=(rows, columns): torch.cat(
            [x[..., : shape[0] * shape[1]].unflatten(-1, shape).mT.flatten(-2), x], -1
        )
        for rows, columns in ((8, 8), (16, 24), (9, 19), (20, 3))
    }
    functions["several"] = lambda x: torch.cat([x.unflatten(-1, (2, 16, 12)).mT.flatten(-3), x], -1)
    assert_matches_torch(functions, normal(384), tolerance=0)


def test_reductions_along_any_dimension_match_torch(assert_matches_torch):
    """Along the last, the first and several; the remaining dimensions in any memory order."""
    functions = {}
    for dims in (-1, -2, (-1, -2), (-3,), (-3, -1)):
        for name in ("sum", "mean", "amax", "amin"):
            functions[f"{name} {dims}"] = lambda x, name=name, dims=dims: getattr(x, name)(dim=dims)
        for order in (1, 2, torch.inf):
            functions[f"norm {order} {dims}"] = lambda x, order=order, dims=dims: torch.linalg.vector_norm(
                x, order, dims
            )
    functions["keepdim"] = lambda x: x / x.abs().sum(-1, keepdim=True)
    functions["transposed"] = lambda x: x.mT.sum(-1)
    functions["any"] = lambda x: (x > 2).any(-1)
    functions["all"] = lambda x: (x > -2).all(-1)
    functions["prod"] = lambda x: x.prod(-1)
    assert_matches_torch(functions, normal(3, 5, 19), tolerance=1e-13)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_reductions_and_loops_over_any_length_match_torch(assert_matches_torch, dtype):
    """Rows and columns of less than a vector up to two and a part; numbers, integers and truth values beside them."""
    functions = {}
    for rows, columns in ((1, 2), (2, 5), (3, 16), (9, 7), (23, 10), (6, 37)):

        def reduce_and_compare(x, shape=(rows, columns)):
            matrix = x[..., : shape[0] * shape[1]].unflatten(-1, shape)
            above = matrix > matrix.mean(-1, keepdim=True)
            shifted = torch.where(above, matrix - matrix.amax(-2, keepdim=True), 3.0)
            position = torch.arange(shape[1]) * above
            return shifted.exp() * shifted.sum(-2, keepdim=True) + position - matrix.amin(-1, keepdim=True)

        functions[f"{rows} × {columns}"] = reduce_and_compare
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    assert_matches_torch(functions, normal(240, dtype=dtype), tolerance=tolerance)


def test_reductions_propagate_nan(assert_matches_torch):
    """At any position, among the vectors and after them; in rows and columns."""
    values = normal(35)
    for lane, index in enumerate((0, 8, 31, 32, 34)):
        values[lane // 3, lane % 3, index] = torch.nan
    functions = {name: lambda x, name=name: getattr(x, name)(-1) for name in ("sum", "mean", "amax", "amin")}
    functions |= {
        f"columns {name}": lambda x, name=name: getattr(x.unflatten(-1, (5, 7)), name)(-2)
        for name in ("sum", "mean", "amax", "amin")
    }
    functions["norm"] = lambda x: torch.linalg.vector_norm(x, torch.inf, -1)
    assert_matches_torch(functions, values)


def test_views_slices_and_constants_match_torch(assert_matches_torch):
    """With any strides and offsets."""
    functions = {
        "transpose": lambda x: x.mT * 2,
        "flatten": lambda x: x.mT.flatten(-2) + 1,
        "slice": lambda x: x[..., 1:3, ::3] * x[..., :1, :1],
        "column": lambda x: x[..., 2] - x[..., 0, 1].unsqueeze(-1),
        "cat": lambda x: torch.cat(
            [x[..., :1, :], x.mT.flatten(-2).unflatten(-1, (-1, 17))[..., 1:3, :]], -2
        ),
        "stack": lambda x: torch.stack([x[..., 0, :], -x[..., 1, :]], -1),
        "expand": lambda x: x[..., :1, :].expand(*x.shape) + x,
        "split": lambda x: torch.cat([block.square() for block in x.split([5, 12], -1)][::-1], -1),
        "arange": lambda x: x * torch.arange(17) + torch.arange(1.0, 5.0, 1.0).unsqueeze(-1),
        "constant": lambda x: x * torch.tensor([[1.0], [2.0], [3.0], [torch.inf]], dtype=torch.float64),
        "full_like": lambda x: torch.where(x > 0, x, torch.full_like(x, 0.5)),
        "zeros_like": lambda x: torch.zeros_like(x) + 3,
        "where": lambda x: torch.where((x > 0).any(-1, keepdim=True), x.sum(-2, keepdim=True), x),
        "integers": lambda x: (x > 0).long().sum(-1),
    }
    assert_matches_torch(functions, normal(4, 17))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_exponentials_are_exact_to_a_few_ulps(run_compiled, dtype):
    """From underflow to overflow, near 0, and for special values."""
    limit = 720.0 if dtype == torch.float64 else 100.0
    values = torch.cat(
        [torch.linspace(-limit, limit, 1_001), torch.logspace(-30, 2, 601), -torch.logspace(-30, 2, 601)]
    )
    values = torch.cat([values.double(), torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0, -0.0])])
    values = values.to(dtype).expand(*LANES, -1)
    functions = {"exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    results = run_compiled(lambda x: [function(x) for function in functions.values()], values)
    limits = {"rtol": 4 * torch.finfo(dtype).eps, "atol": torch.finfo(dtype).tiny, "equal_nan": True}
    for (name, function), result in zip(functions.items(), results, strict=True):
        exact = function(values.double()).to(dtype).double()
        torch.testing.assert_close(
            result.double(), exact, **limits, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_losses_and_activations_of_networks_match_torch(assert_matches_torch):
    """In the usual layout, samples × units, with gradients by torch.func."""

    def loss(theta, activate):
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).unsqueeze(-1) ** torch.arange(3)
        hidden = activate(x @ theta[..., :15].unflatten(-1, (3, 5)) + theta[..., 15:20].unsqueeze(-2))
        return (hidden @ theta[..., 20:25].unsqueeze(-1)).square().mean((-1, -2))

    def gradient(activate):
        return torch.func.grad(lambda theta: loss(theta, activate).sum())

    activations = {
        "tanh": torch.tanh,
        "relu": torch.relu,
        "silu": functional.silu,
        "gelu": functional.gelu,
        "gelu-tanh": lambda x: functional.gelu(x, approximate="tanh"),
        "softplus": functional.softplus,
        "softmax": lambda x: x.softmax(-1),
    }
    gradients = {name: gradient(activate) for name, activate in activations.items()}
    assert_matches_torch(gradients, normal(25), tolerance=1e-12)


def test_gradients_of_changes_in_place_match_torch(assert_matches_torch):
    """Torch describes the gradient of a changed view by strides in the memory of the tensor that it views."""

    def change_rows(x):
        y = 2 * x
        y[..., 1:3, :].mul_(x[..., :2, :])
        return y

    def change_columns_of_a_transpose(x):
        y = (2 * x).mT.sin().mT
        y[..., ::2].tanh_()
        return y

    functions = {
        "relu of a transpose": lambda x: (2 * x).mT.sub(1).mT.relu_(),
        "copy into a permutation": lambda x: (
            (2 * x).unflatten(-1, (5, 3)).transpose(-1, -3).copy_(x[..., :1, :4].unsqueeze(-2))
        ),
        "rows": change_rows,
        "columns": change_columns_of_a_transpose,
    }

    def gradient(function):
        return torch.func.grad(lambda x: function(x).pow(3).sum())

    gradients = {name: gradient(function) for name, function in functions.items()}
    assert_matches_torch(gradients, normal(4, 15), tolerance=1e-12)


def test_tensors_that_swap_are_read_before_they_are_overwritten(compile_tensorwise):
    """Two tensors of a lane exchange their contents in each step."""
    x, y = normal(20), normal(20, seed=1)
    compiled = compile_tensorwise(lambda x, y: [y.view_as(y), x + 0], [x, y])
    for steps, expected in ((1, [y, x]), (2, [x, y]), (5, [y, x])):
        (results,) = compiled.run([steps], *LANES, [x, y])
        torch.testing.assert_close(results, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("reason", "function"),
    [
        ("the operation aten::_fft_r2c with a result of torch.complex128", lambda x: torch.fft.rfft(x).abs()),
        ("aten::as_strided, which", lambda x: (x + 0)[..., 1:].as_strided(x.shape[:2], (6_000, 2_000))),
        ("a step that needs", lambda x: (x.unsqueeze(-1) * x.unsqueeze(-2)).exp().square().sum(-1)),
    ],
)
def test_unsupported_steps_are_rejected(run_compiled, reason, function):
    """The error names the operation or the memory, so that another engine can run the step."""
    with pytest.raises(UnsupportedOperationError, match=reason):
        run_compiled(lambda x: [function(x)], normal(2_000))
