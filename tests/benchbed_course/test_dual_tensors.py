"""What tensors need, each against autograd: sums, shapes, choices, products."""

import pytest
import torch

from benchbed.gradients.forward import jvp
from benchbed.interfaces import NotServedError
from benchbed.interfaces.columns import column_by_column
from benchbed_course.dual import derivative

MATRIX = torch.arange(1.0, 13.0, dtype=torch.float64).reshape(3, 4) / 7
VECTOR = torch.tensor([0.5, -1.0, 2.0, 3.0], dtype=torch.float64)

FUNCTIONS = {
    "sum": lambda u: u.sum(-1),
    "sum of all": torch.sum,
    "mean": lambda u: torch.mean(u, dim=-2, keepdim=True),
    "cumsum": lambda u: u.cumsum(-1),
    "square": lambda u: u.square(),
    "matrix times dual": lambda u: MATRIX.mT @ u,
    "dual times matrix": lambda u: u @ MATRIX.mT,
    "dual times dual": lambda u: u @ u.mT,
    "matmul": lambda u: torch.matmul(MATRIX.mT, u),
    "dual times vector": lambda u: u @ VECTOR,
    "einsum of one": lambda u: torch.einsum("ij,j->i", u, VECTOR),
    "einsum of two": lambda u: torch.einsum("ij,ik->jk", u, torch.sin(u)),
    "index": lambda u: u[..., 1] * u[0, 2],
    "rows": lambda u: u[torch.tensor([0, 2, 2])],
    "unpacked": lambda u: [row * k for k, row in enumerate(u)][2],
    "split": lambda u: torch.cat([piece * k for k, piece in enumerate(u.split([1, 3], dim=-1))], dim=-1),
    "unbind": lambda u: torch.stack([u.unbind(-1)[3], u.unbind(-1)[0].exp()]),
    "stack with a constant": lambda u: torch.stack([VECTOR, u[1]]) * u[0],
    "unflatten": lambda u: u.unflatten(-1, (2, 2)).sum(-2),
    "flatten": lambda u: u.flatten(-2).square(),
    "reshape": lambda u: u.reshape(2, 6),
    "expand": lambda u: u[:, :1].expand(3, 5) * torch.ones(5, dtype=torch.float64),
    "transpose": lambda u: u.transpose(0, 1).squeeze(0).unsqueeze(1),
    "take along": lambda u: torch.take_along_dim(u, torch.tensor([[0], [3], [1]]), dim=-1),
    "where": lambda u: torch.where(u > 0.8, u.square(), -1.0),
    "where, as a method": lambda u: u.where(VECTOR > 0, u * 3),
    "constant that broadcasts": lambda u: (u[0, 0] + VECTOR).sum() + (VECTOR - u[1, 1]).square().sum(),
    "constant in front": lambda u: torch.mul(VECTOR, u) + torch.sub(VECTOR, u, alpha=2) / torch.add(u, 4.0),
    "shapes": lambda u: u.reshape(u.shape[0] * u.shape[1]) * u.dim() * len(u) / u.numel(),
    "like": lambda u: u * torch.ones_like(u) + torch.zeros_like(u) + u.new_tensor(2.0),
    "detached": lambda u: u * u.detach(),
    "not at all": lambda u: VECTOR.sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_is_that_of_autograd(name):
    """Value and slope have the shape of the plain result, and the slope is the Jacobian-vector product."""
    function, direction = FUNCTIONS[name], torch.cos(7 * MATRIX)
    value, slope = derivative(function, MATRIX, direction)
    plain = function(MATRIX)
    torch.testing.assert_close(value, plain, rtol=0, atol=0)
    assert slope.shape == plain.shape
    exact = torch.autograd.functional.jvp(function, MATRIX, direction, strict=False)[1]
    torch.testing.assert_close(slope, exact, rtol=1e-12, atol=1e-12)


def test_the_document_s_jacobian_column_by_column(document):
    """At (1, 2, 3): every column, and the product along (0.1, 0.2, 0.3), against the closed form."""
    function, jacobian = document
    x, v = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    columns = [derivative(function, x, unit)[1] for unit in torch.eye(3, dtype=torch.float64)]
    torch.testing.assert_close(torch.stack(columns, -1), jacobian(x), rtol=1e-12, atol=0)
    value, product = derivative(function, x, v)
    torch.testing.assert_close(value, function(x), rtol=0, atol=0)
    torch.testing.assert_close(product, jacobian(x) @ v, rtol=1e-12, atol=0)
    _, by_torch = column_by_column(lambda unit: jvp(function, x, unit), x)
    torch.testing.assert_close(by_torch, jacobian(x), rtol=1e-12, atol=0)


def test_comparisons_look_at_values():
    """As comparisons of tensors do."""
    seen = []

    def function(u):
        seen.extend([u < 1, u <= 1, u > 1, u >= 1, u == 2, u != 2, torch.gt(MATRIX[0], u)])
        return u

    derivative(function, VECTOR, VECTOR)
    expected = [
        VECTOR < 1,
        VECTOR <= 1,
        VECTOR > 1,
        VECTOR >= 1,
        VECTOR == 2,
        VECTOR != 2,
        MATRIX[0] > VECTOR,
    ]
    assert all(torch.equal(one, other) for one, other in zip(seen, expected, strict=True))


def test_where_reports_unsupported_operations():
    """An unsupported operation inside torch.where raises the same error."""
    with pytest.raises(NotServedError, match=r"torch\.abs"):
        derivative(lambda u: torch.where(u > 0, u, torch.abs(u)), VECTOR, VECTOR)
