"""Reductions along dimensions match torch: sums, norms, extremes, variances, softmax."""

import itertools
import math

import pytest
import torch
from torch.nn import functional

pytestmark = pytest.mark.slow

TOLERANCES = {torch.float64: {"rtol": 1e-13, "atol": 1e-13}, torch.float32: {"rtol": 1e-5, "atol": 1e-5}}
"""For sums of a dozen numbers near 1 in another order."""
ORDERS = (1, 2, math.inf, -math.inf, 0, 3, 0.5)
DIMENSIONS = list(itertools.product([-1, 2, (2, 3), (-1, -2)], [False, True]))
REDUCTIONS = {
    f"{name} {dim} {keep}": lambda x, name=name, dim=dim, keep=keep: getattr(torch, name)(
        x, dim=dim, keepdim=keep
    )
    for name in ("sum", "mean", "amax", "amin", "var", "std", "logsumexp")
    for dim, keep in DIMENSIONS
}
NORMS = {
    f"norm {order} {dim}": lambda x, order=order, dim=dim: torch.linalg.vector_norm(x, order, dim=dim)
    for order in ORDERS
    for dim in (-1, (-1, -2))
}
OTHER_REDUCTIONS = {
    "prod": lambda x: x.prod(-1),
    "prod keepdim": lambda x: x.prod(2, keepdim=True),
    "any": lambda x: (x > 1).any(-1),
    "all": lambda x: (x > -1).all(-1),
    "any of numbers": lambda x: x.any(-1),
    "any of any": lambda x: (x > 2).any(-1).any(-1),
    "sum of bools": lambda x: (x > 0).sum(-1),
    "mean of bools": lambda x: (x > 0).double().mean(-1),
    "cumsum": lambda x: x.cumsum(-1),
    "cumsum 2": lambda x: x.cumsum(2),
    "cumsum of bools": lambda x: (x > 0).cumsum(-1),
    "cumprod": lambda x: x.cumprod(-1),
    "biased var": lambda x: x.var(-1, unbiased=False),
    "std with correction": lambda x: x.std(-1, correction=2),
    "norm": lambda x: x.norm(dim=-1),
    "std and mean": lambda x: torch.std_mean(x, -1)[0] * torch.std_mean(x, -1)[1],
    "softmax": lambda x: x.softmax(-1),
    "softmax 2": lambda x: (50 * x).softmax(2),
    "log_softmax": lambda x: (50 * x).log_softmax(-1),
    "softmin": lambda x: functional.softmin(x, -1),
    "layer_norm": lambda x: functional.layer_norm(x, (4,)),
    "normalize": lambda x: functional.normalize(x, dim=-1),
    "matrix norm": torch.linalg.matrix_norm,
    "empty sum": lambda x: x[..., :0].sum(-1),
    "empty prod": lambda x: x[..., :0].prod(-1),
    "empty any": lambda x: (x[..., :0] > 0).any(-1),
    "empty all": lambda x: (x[..., :0] > 0).all(-1),
    "var of one number": lambda x: x[..., :1].var(-1, unbiased=False),
    "rms_norm": lambda x: functional.rms_norm(x, (4,)),
    "nansum": lambda x: x.nansum(-1),
    "aminmax": lambda x: x.amax(-1) - x.amin(-1),
}
TARGETS = torch.linspace(-1, 1, 4).double()
LOSSES = {
    name: lambda x, y, name=name: getattr(functional, name)(x, y, reduction="none")
    for name in (
        "mse_loss",
        "l1_loss",
        "smooth_l1_loss",
        "huber_loss",
        "soft_margin_loss",
        "poisson_nll_loss",
    )
} | {
    "mean of mse_loss": lambda x, y: functional.mse_loss(x, y, reduction="none").mean(-1),
    "binary_cross_entropy_with_logits": lambda x, y: functional.binary_cross_entropy_with_logits(
        x, y.sigmoid(), reduction="none"
    ),
    "binary_cross_entropy": lambda x, y: functional.binary_cross_entropy(
        x.sigmoid(), y.sigmoid(), reduction="none"
    ),
    "kl_div": lambda x, y: functional.kl_div(x.log_softmax(-1), y.softmax(-1), reduction="none"),
}
ACTIVATIONS = (
    *(
        "softplus",
        "silu",
        "elu",
        "mish",
        "gelu",
        "leaky_relu",
        "logsigmoid",
        "hardswish",
        "relu",
        "tanh",
        "sigmoid",
    ),
    *("selu", "celu", "hardtanh", "softsign", "relu6"),
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_reductions_along_dimensions_match_torch(compare, sample, dtype):
    """Sums, extremes, variances and norms, along one and several dimensions, with and without `keepdim`."""
    assert compare(REDUCTIONS | NORMS, sample(3, 4, dtype=dtype)).differences(**TOLERANCES[dtype]) == []


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_other_reductions_match_torch(compare, sample, dtype):
    """Products, counts, cumulative sums, functions composed of reductions, and reductions of zero numbers."""
    assert compare(OTHER_REDUCTIONS, sample(3, 4, dtype=dtype)).differences(**TOLERANCES[dtype]) == []


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e200, 1e-200])
def test_extreme_numbers_propagate_as_in_torch(compare, sample, number):
    """NaN and infinities propagate, squares overflow and underflow."""
    x = sample(3, 4)
    x[:, :, 1, 2] = number
    x[1] = number
    names = ("sum", "mean", "amax", "amin", "norm 1", "norm 2", "norm inf", "norm -inf", "logsumexp")
    functions = {name: f for name, f in (REDUCTIONS | NORMS).items() if name.startswith(names)}
    functions |= {
        name: OTHER_REDUCTIONS[name] for name in ("prod", "any", "all", "cumsum", "softmax", "log_softmax")
    }
    assert compare(functions, x).differences(**TOLERANCES[torch.float64]) == []


def test_losses_match_torch(compare, sample):
    """Those of torch.nn.functional without reduction."""
    assert compare(LOSSES, sample(4), sample(4, seed=1)).differences(**TOLERANCES[torch.float64]) == []


def test_derivatives_of_activations_match_torch(compare, sample):
    """The operations in their derivatives are supported as well."""
    functions = {
        name: lambda x, name=name: torch.func.grad(lambda z: getattr(functional, name)(z).square().sum())(x)
        for name in ACTIVATIONS
    }
    assert compare(functions, sample(4)).differences(**TOLERANCES[torch.float64]) == []


def test_derivatives_of_reductions_match_torch(compare, sample):
    """Of norms, variances, softmax, products, cumulative sums and losses."""
    names = ("logsumexp -1 F", "var -1 F", "std (2, 3) F", "norm 1 -1", "norm 2 -1", "norm 3 -1", "amax -1 F")
    functions = {name: f for name, f in (REDUCTIONS | NORMS).items() if name.startswith(names)}
    functions |= {
        name: OTHER_REDUCTIONS[name]
        for name in ("softmax", "log_softmax", "prod", "cumsum", "layer_norm", "normalize")
    }
    functions |= {name: lambda x, loss=loss: loss(x, TARGETS.expand_as(x)) for name, loss in LOSSES.items()}
    functions = {
        name: lambda x, f=function: torch.func.grad(lambda z: f(z).square().sum())(x)
        for name, function in functions.items()
    }
    assert compare(functions, sample(3, 4)).differences(rtol=1e-11, atol=1e-11) == []
