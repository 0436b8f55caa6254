"""Operations that the generator does not write are called, and match torch."""

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


def test_called_operations_match_torch(assert_matches_torch):
    """With lists, options, several results, views as arguments, and results that others read."""
    functions = {
        "sort": lambda x: x.sort(-1).values + x,
        "indices": lambda x: x.sort(-1, descending=True).indices * 2,
        "cumsum": lambda x: x.mT.cumsum(-1),
        "topk": lambda x: torch.cat(x.topk(2, dim=-1)[:1], -1),
        "median": lambda x: x.median(-1).values.exp(),
        "cholesky": lambda x: torch.linalg.cholesky(x @ x.mT + 3 * torch.eye(4).double()),
        "solve": lambda x: torch.linalg.solve(x[..., :4] + 9 * torch.eye(4).double(), x[..., 4:]),
        "argmax": lambda x: x.argmax(-1),
        "bits": lambda x: x.view(torch.int64) // 2,
        "roll": lambda x: x.roll(2, -1),
    }
    assert_matches_torch(functions, normal(4, 6), tolerance=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_gradients_of_convolutions_and_pooling_match_torch(assert_matches_torch, dtype):
    """Of a small network for one lane, as torch.func differentiates it."""

    def layers(theta):
        images = torch.linspace(-1, 1, 3 * 64, dtype=theta.dtype).sin().view(3, 1, 8, 8)
        weight = theta[:18].view(2, 1, 3, 3)
        return functional.conv2d(images, weight, theta[18:20], padding=1)

    losses = {
        "convolution": lambda theta: layers(theta).square().sum(),
        "maximum": lambda theta: functional.max_pool2d(layers(theta), 2).square().sum(),
        "mean": lambda theta: functional.avg_pool2d(layers(theta), 3, 2).square().sum(),
        "transposed": lambda theta: (
            functional.conv_transpose2d(layers(theta), theta[:18].view(2, 1, 3, 3), stride=2).square().sum()
        ),
        "one dimension": lambda theta: functional.conv1d(theta.view(2, 1, 10), theta[:6].view(2, 1, 3)).sum(),
    }
    functions = {name: torch.vmap(torch.vmap(torch.func.grad(loss))) for name, loss in losses.items()}
    tolerance = 1e-12 if dtype == torch.float64 else 1e-4
    assert_matches_torch(functions, normal(20, dtype=dtype), tolerance=tolerance)


def test_results_do_not_depend_on_threads(compile_tensorwise):
    """Torch's operations run in the thread that calls them, and its number of threads is restored."""
    x, weight = normal(8, 4, 16, 16, dtype=torch.float32), normal(4, 4, 3, 3, dtype=torch.float32)

    def step(x, weight):
        return [functional.conv2d(x[0, 0], weight[0, 0], padding=1)[None, None].tanh(), weight]

    compiled = compile_tensorwise(step, [x, weight])
    expected = compiled.run([3], *LANES, [x, weight])[0][0]
    torch.set_num_threads(2)
    try:
        result = compiled.run([3], *LANES, [x, weight])[0][0]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert torch.equal(result, expected)


def test_error_of_a_called_operation_is_raised(run_compiled):
    """With torch's message."""
    with pytest.raises(RuntimeError, match=r"cholesky.*not positive-definite"):
        run_compiled(lambda x: [torch.linalg.cholesky(x)], -normal(3, 3).square())


@pytest.mark.parametrize(
    ("reason", "function"),
    [
        ("aten::rand_like, which draws random numbers", lambda x: x + torch.rand_like(x)),
        ("a result of torch.complex128", lambda x: torch.fft.rfft(x).abs()),
        ("aten::index, whose shape depends", lambda x: x[..., torch.arange(5) > 2].sum(-1)),
        ("of type number", lambda x: x + x.histc(5, -1, 1)),
    ],
)
def test_operations_that_cannot_be_called_are_rejected(run_compiled, reason, function):
    """The error says which and why."""
    with pytest.raises(UnsupportedOperationError, match=reason):
        run_compiled(lambda x: [function(x)], normal(5))
