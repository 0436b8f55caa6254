"""Matrix products match torch up to the order of their sums."""

import pytest
import torch
from torch.nn import functional

pytestmark = pytest.mark.slow

PRODUCTS = {
    "matmul": lambda a, b, v: a @ b,
    "matrix by vector": lambda a, b, v: (a @ v.unsqueeze(-1)).squeeze(-1),
    "vector by matrix": lambda a, b, v: v.unsqueeze(-2)[..., :3] @ a,
    "transposed": lambda a, b, v: a.mT @ b.mT,
    "einsum": lambda a, b, v: torch.einsum("...ij,...j->...i", a, v),
    "quadratic form": lambda a, b, v: torch.einsum("...i,...ij,...j->...", v[..., :3], a, v),
    "outer": lambda a, b, v: torch.einsum("...i,...j->...ij", v, v),
    "trace": lambda a, b, v: torch.einsum("...ij,...ji->...", a, b),
    "mm": lambda a, b, v: torch.mm(b[0, 0], a[0, 0]).expand(*a.shape[:2], 4, 4) * 0,
    "constant factor": lambda a, b, v: a @ torch.arange(8.0).double().reshape(4, 2),
    "bmm": lambda a, b, v: torch.bmm(a.flatten(0, 1), b.flatten(0, 1)).unflatten(0, a.shape[:2]),
    "linear": lambda a, b, v: functional.linear(v, torch.ones(2, 4).double(), torch.ones(2).double()),
    "baddbmm": lambda a, b, v: torch.baddbmm(
        a.flatten(0, 1) @ b.flatten(0, 1), a.flatten(0, 1), b.flatten(0, 1), beta=0.5, alpha=-2
    ).unflatten(0, a.shape[:2]),
    "baddbmm without addend": lambda a, b, v: torch.baddbmm(
        a.flatten(0, 1)[..., :3] / 0, a.flatten(0, 1), b.flatten(0, 1), beta=0
    ).unflatten(0, a.shape[:2]),
    "vecdot": lambda a, b, v: torch.linalg.vecdot(v, v),
    "power": lambda a, b, v: torch.linalg.matrix_power(a @ b, 3),
    "chain": lambda a, b, v: torch.linalg.multi_dot([a[0, 0], b[0, 0], a[0, 0]]).expand_as(a) * 0,
    "orthogonal": lambda a, b, v: newton_schulz(a),
    "derivative": lambda a, b, v: torch.func.grad(lambda z: (z @ b).square().sum())(a),
    "inner": lambda a, b, v: (a.mT.unsqueeze(-1) * b.unsqueeze(-2)).sum(-3),
    "dot": lambda a, b, v: torch.func.vmap(torch.func.vmap(torch.dot))(v, v),
    "mv": lambda a, b, v: torch.func.vmap(torch.func.vmap(torch.mv))(a, v),
    "addmm": lambda a, b, v: torch.func.vmap(
        torch.func.vmap(lambda a, b: torch.addmm(a @ b, a, b, beta=0.1, alpha=3))
    )(a, b),
    "of bools": lambda a, b, v: (a > 0).double() @ b,
}


def newton_schulz(matrix):
    """Run two Newton–Schulz iterations, which bring the singular values of a matrix towards 1."""
    matrix = matrix / torch.linalg.matrix_norm(matrix, keepdim=True)
    for _ in range(2):
        gram = matrix @ matrix.mT
        matrix = 3.4445 * matrix + (-4.775 * gram + 2.0315 * gram @ gram) @ matrix
    return matrix


@pytest.mark.parametrize("axis", ["lanes", "settings"])
def test_products_match_torch(compare, sample, axis):
    """By every function of torch that computes one; few terms, so few roundings."""
    inputs = sample(3, 4), sample(4, 3, seed=1), sample(4, seed=2)
    assert compare(PRODUCTS, *inputs, axis=axis).differences(rtol=1e-12, atol=1e-12) == []


def test_products_in_single_precision_match_torch(compare, sample):
    """Sums are also in single precision."""
    functions = {
        name: PRODUCTS[name]
        for name in ("matmul", "einsum", "transposed", "quadratic form", "derivative", "power")
    }
    inputs = [
        sample(*shape, seed=seed, dtype=torch.float32) for seed, shape in enumerate([(3, 4), (4, 3), (4,)])
    ]
    assert compare(functions, *inputs).differences(rtol=1e-4, atol=1e-4) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_non_finite_numbers_propagate_through_a_product(compare, sample, number):
    """0 · ∞ is NaN, and NaN makes its row and column NaN."""
    a, b, v = sample(3, 4), sample(4, 3, seed=1), sample(4, seed=2)
    a[..., 1, 2] = number
    b[..., 2, 0] = 0
    functions = {
        name: PRODUCTS[name]
        for name in ("matmul", "matrix by vector", "einsum", "trace", "transposed", "bmm")
    }
    assert compare(functions, a, b, v).differences(rtol=1e-12, atol=1e-12) == []
