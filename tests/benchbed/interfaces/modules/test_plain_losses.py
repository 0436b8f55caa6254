"""Losses as plain operations: torch's values and derivatives, alone and under nested vmap."""

import pytest
import torch
from torch.nn import functional

from benchbed.errors import ContractError
from benchbed.interfaces.modules.forward import ForwardPass, without_noise

GENERATOR = torch.Generator().manual_seed(3)
X, Y = (3 * torch.randn(5, 4, generator=GENERATOR, dtype=torch.float64) for _ in range(2))
V = torch.rand(5, 4, generator=GENERATOR, dtype=torch.float64)
W = torch.randn(3, 2, 4, 4, generator=GENERATOR, dtype=torch.float64)
LOSSES = {
    "mse": functional.mse_loss,
    "mse-sum": lambda x, y: functional.mse_loss(x, y, reduction="sum"),
    "mse-none": lambda x, y: functional.mse_loss(x, y, reduction="none").mean(),
    "mse-old": lambda x, y: functional.mse_loss(x, y, size_average=False),
    "mse-weight": lambda x, y: functional.mse_loss(x, y, weight=V),
    "mse-weight-sum": lambda x, y: functional.mse_loss(x, y, weight=V, reduction="sum"),
    "smooth-l1": functional.smooth_l1_loss,
    "smooth-l1-beta": lambda x, y: functional.smooth_l1_loss(x, y, beta=0.3, reduction="sum"),
    "smooth-l1-zero": lambda x, y: functional.smooth_l1_loss(x, y, beta=0.0),
    "huber": functional.huber_loss,
    "huber-delta": lambda x, y: functional.huber_loss(x, y, delta=2.5, reduction="none").sum(),
    "huber-weight": lambda x, y: functional.huber_loss(x, y, weight=V),
    "gaussian": lambda x, y: functional.gaussian_nll_loss(x, y, (x * y).abs()),
    "gaussian-full": lambda x, y: functional.gaussian_nll_loss(x, y, 0.7, full=True, reduction="sum"),
    "gaussian-rows": lambda x, y: functional.gaussian_nll_loss(x, y, V[:, 0], eps=0.5),
    "module": torch.nn.MSELoss(),
    "cross-entropy": lambda x, y: functional.cross_entropy(x, y.softmax(-1), V[0], label_smoothing=0.2),
    "classes": lambda x, y: functional.cross_entropy(x, y.argmax(-1), V[0], label_smoothing=0.2),
    "some-classes": lambda x, y: functional.cross_entropy(
        x, y.argmax(-1).where(y.argmax(-1) != 1, -100), V[0], label_smoothing=0.2
    ),
    "classes-sum": lambda x, y: functional.cross_entropy(
        x, y.argmax(-1), V[0], None, 2, False, label_smoothing=0.2
    ).sum(),
    "positions": lambda x, y: torch.nn.CrossEntropyLoss(V[0], label_smoothing=0.1)(
        x.unsqueeze(-1) * V[0], torch.stack([y.argmax(-1)] * 4, -1)
    ),
}


@pytest.fixture(params=LOSSES, ids=list(LOSSES))
def loss(request):
    """A loss of outputs and targets."""
    return LOSSES[request.param]


@pytest.mark.filterwarnings("ignore:size_average and reduce")
def test_values_and_derivatives_are_those_of_torch(loss):
    """To rounding, for one trial."""
    expected = loss(point := X.clone().requires_grad_(), Y)
    (gradient,) = torch.autograd.grad(expected, point)
    with ForwardPass(without_noise):
        value = loss(point, Y)
    torch.testing.assert_close(value, expected, rtol=1e-14, atol=0)
    torch.testing.assert_close(torch.autograd.grad(value, point)[0], gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.filterwarnings("ignore:size_average and reduce")
def test_trials_of_several_seeds_and_settings_are_those_alone(loss):
    """Targets differ between seeds, or not at all; torch's own rule fails for each."""

    def of_trial(weight, y):
        return loss(X @ weight, y)

    step = torch.func.grad_and_value(of_trial)
    for targets, seeds in ((torch.stack([Y, 2 * Y, -Y]), 0), (Y, None)):
        with ForwardPass(without_noise):
            mapped = torch.func.vmap(torch.func.vmap(step, (0, None)), (0, seeds))(W, targets)
        for seed in range(3):
            for setting in range(2):
                alone = step(W[seed, setting], Y if seeds is None else targets[seed])
                torch.testing.assert_close(
                    [part[seed, setting] for part in mapped], list(alone), rtol=1e-12, atol=1e-13
                )


@pytest.mark.parametrize("function", [functional.mse_loss, functional.smooth_l1_loss, functional.huber_loss])
def test_outputs_and_targets_of_other_shapes_are_rejected(function):
    """A column and a row would be broadcast to a matrix."""
    with (
        ForwardPass(without_noise),
        pytest.raises(ContractError, match=r"\(5, 1\) with targets of shape \(5,\)"),
    ):
        function(X[:, :1], Y[:, 0])


def test_an_unknown_reduction_is_rejected():
    """As by torch."""
    with ForwardPass(without_noise), pytest.raises(ValueError, match="not a valid value for reduction"):
        functional.huber_loss(X, Y, reduction="median")


def test_negative_variances_have_no_loss():
    """torch raises, which one of many trials cannot; its trial diverges. Misspelt options are rejected as by torch."""
    with ForwardPass(without_noise):
        assert functional.gaussian_nll_loss(X, Y, V - 0.5).isnan()
        assert functional.gaussian_nll_loss(X, Y, V, eps=0.1).isfinite()
        with pytest.raises(TypeError, match="unexpected keyword argument 'epsilon'"):
            functional.gaussian_nll_loss(X, Y, V, epsilon=0.1)
