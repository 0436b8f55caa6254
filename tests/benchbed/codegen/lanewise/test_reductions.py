"""What goes along dimensions gives what torch gives: sums, norms, extremes, spreads, softmax."""

import itertools
import math

import pytest
import torch
from torch.nn import functional

NEARLY = {torch.float64: {"rtol": 1e-13, "atol": 1e-13}, torch.float32: {"rtol": 1e-5, "atol": 1e-5}}
"""Sums of a dozen numbers of about 1, taken in another order."""
ORDERS = (1, 2, math.inf, -math.inf, 0, 3, 0.5)
ALONG = list(itertools.product([-1, 2, (2, 3), (-1, -2)], [False, True]))
REDUCTIONS = {
    f"{name} {where} {keep}": lambda x, name=name, where=where, keep=keep: getattr(torch, name)(
        x, dim=where, keepdim=keep
    )
    for name in ("sum", "mean", "amax", "amin", "var", "std", "logsumexp")
    for where, keep in ALONG
}
NORMS = {
    f"norm {order} {where}": lambda x, order=order, where=where: torch.linalg.vector_norm(x, order, dim=where)
    for order in ORDERS
    for where in (-1, (-1, -2))
}
OTHERS = {
    "prod": lambda x: x.prod(-1),
    "prod, kept": lambda x: x.prod(2, keepdim=True),
    "any": lambda x: (x > 1).any(-1),
    "all": lambda x: (x > -1).all(-1),
    "any number": lambda x: x.any(-1),
    "both": lambda x: (x > 2).any(-1).any(-1),
    "count": lambda x: (x > 0).sum(-1),
    "mean of truths": lambda x: (x > 0).double().mean(-1),
    "cumsum": lambda x: x.cumsum(-1),
    "cumsum along": lambda x: x.cumsum(2),
    "count up": lambda x: (x > 0).cumsum(-1),
    "cumprod": lambda x: x.cumprod(-1),
    "var by n": lambda x: x.var(-1, unbiased=False),
    "correction": lambda x: x.std(-1, correction=2),
    "norm": lambda x: x.norm(dim=-1),
    "std and mean": lambda x: torch.std_mean(x, -1)[0] * torch.std_mean(x, -1)[1],
    "softmax": lambda x: x.softmax(-1),
    "softmax along": lambda x: (50 * x).softmax(2),
    "log_softmax": lambda x: (50 * x).log_softmax(-1),
    "softmin": lambda x: functional.softmin(x, -1),
    "layer_norm": lambda x: functional.layer_norm(x, (4,)),
    "normalize": lambda x: functional.normalize(x, dim=-1),
    "matrix norm": torch.linalg.matrix_norm,
    "nothing": lambda x: x[..., :0].sum(-1),
    "no factor": lambda x: x[..., :0].prod(-1),
    "none": lambda x: (x[..., :0] > 0).any(-1),
    "every": lambda x: (x[..., :0] > 0).all(-1),
    "one": lambda x: x[..., :1].var(-1, unbiased=False),
    "rms_norm": lambda x: functional.rms_norm(x, (4,)),
    "nansum": lambda x: x.nansum(-1),
    "aminmax": lambda x: x.amax(-1) - x.amin(-1),
}
KNOWN = torch.linspace(-1, 1, 4).double()
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
    "mse, meaned": lambda x, y: functional.mse_loss(x, y, reduction="none").mean(-1),
    "cross entropy": lambda x, y: functional.binary_cross_entropy_with_logits(
        x, y.sigmoid(), reduction="none"
    ),
    "of probabilities": lambda x, y: functional.binary_cross_entropy(
        x.sigmoid(), y.sigmoid(), reduction="none"
    ),
    "kl": lambda x, y: functional.kl_div(x.log_softmax(-1), y.softmax(-1), reduction="none"),
}
SMOOTH = (
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
def test_reductions_along_dimensions(compare, sample, dtype):
    """Sums, extremes, spreads and norms, along one and several, kept or not."""
    assert compare(REDUCTIONS | NORMS, sample(3, 4, dtype=dtype)).differing(**NEARLY[dtype]) == []


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_products_counts_and_what_accumulates(compare, sample, dtype):
    """And what is made of them, also of nothing at all."""
    assert compare(OTHERS, sample(3, 4, dtype=dtype)).differing(**NEARLY[dtype]) == []


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e200, 1e-200])
def test_one_number_that_is_unlike_the_others(compare, sample, number):
    """NaN and infinities spread, and squares overflow and vanish, as torch has it."""
    x = sample(3, 4)
    x[:, :, 1, 2] = number
    x[1] = number
    names = ("sum", "mean", "amax", "amin", "norm 1", "norm 2", "norm inf", "norm -inf", "logsumexp")
    chosen = {name: f for name, f in (REDUCTIONS | NORMS).items() if name.startswith(names)}
    chosen |= {name: OTHERS[name] for name in ("prod", "any", "all", "cumsum", "softmax", "log_softmax")}
    assert compare(chosen, x).differing(**NEARLY[torch.float64]) == []


def test_losses(compare, sample):
    """Of torch.nn.functional, number by number."""
    assert compare(LOSSES, sample(4), sample(4, seed=1)).differing(**NEARLY[torch.float64]) == []


def test_derivatives_of_activations(compare, sample):
    """What torch differentiates them to is in the table as well."""
    functions = {
        name: lambda x, name=name: torch.func.grad(lambda z: getattr(functional, name)(z).square().sum())(x)
        for name in SMOOTH
    }
    assert compare(functions, sample(4)).differing(**NEARLY[torch.float64]) == []


def test_derivatives_of_what_goes_along_dimensions(compare, sample):
    """Of norms, spreads, softmax, products of several numbers and of losses."""
    names = ("logsumexp -1 F", "var -1 F", "std (2, 3) F", "norm 1 -1", "norm 2 -1", "norm 3 -1", "amax -1 F")
    chosen = {name: f for name, f in (REDUCTIONS | NORMS).items() if name.startswith(names)}
    chosen |= {
        name: OTHERS[name] for name in ("softmax", "log_softmax", "prod", "cumsum", "layer_norm", "normalize")
    }
    chosen |= {name: lambda x, loss=loss: loss(x, KNOWN.expand_as(x)) for name, loss in LOSSES.items()}
    functions = {
        name: lambda x, f=function: torch.func.grad(lambda z: f(z).square().sum())(x)
        for name, function in chosen.items()
    }
    assert compare(functions, sample(3, 4)).differing(rtol=1e-11, atol=1e-11) == []
