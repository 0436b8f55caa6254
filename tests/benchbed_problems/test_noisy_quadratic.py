"""noisy-quadratic: the closed form of SGD's expected loss, and what follows from it."""

import pytest
import torch

from benchbed_problems.noisy_quadratic import NoisyQuadratic


def expected_loss(dimension, rate, batch_size, steps):
    """Return ½ Σ hᵢ E zᵢ² after `steps` steps of SGD from zᵢ = ±1."""
    h = 1 / torch.arange(1, dimension + 1, dtype=torch.float64)
    decay = (1 - rate * h) ** (2 * torch.as_tensor(steps).unsqueeze(-1))
    stationary = rate * h / (batch_size * h * (2 - rate * h))
    return (0.5 * h * (decay + stationary * (1 - decay))).sum(-1)


@pytest.mark.parametrize(
    ("dimension", "rate", "batch_size", "losses"),
    [
        (100, 0.5, 1, [2.593689, 2.130821, 1.384982, 0.793845, 0.711693]),
        (100, 0.5, 64, [2.593689, 1.929641, 0.908944, 0.120381, 0.011122]),
        (1_000, 1.0, 64, [3.742735, 2.712672, 1.686756, 0.640180, 0.058896]),
    ],
)
def test_the_closed_form_has_the_expected_values(dimension, rate, batch_size, losses):
    """At steps 0, 1, 10, 100 and 1 000; computed once from the formula of Zhang et al. (2019), not published there."""
    values = expected_loss(dimension, rate, batch_size, [0, 1, 10, 100, 1_000])
    assert values.tolist() == pytest.approx(losses, abs=6e-7)


@pytest.fixture(scope="module")
def sgd_losses():
    """Return a function that returns the loss of SGD in each of some trials after some steps."""

    def run(problem, rate, steps, trials=64):
        seeds = [torch.Generator().manual_seed(seed) for seed in range(trials)]
        leaves = zip(*(problem.make_data(seed) for seed in seeds), strict=True)
        data = problem.make_data(seeds[0])._replace()
        data = type(data)(*(torch.stack(leaf) for leaf in leaves))
        draws = torch.stack([problem.make_draws(seed, max(steps)) for seed in seeds], 1)
        theta = torch.stack([problem.make_start(seed) for seed in seeds])
        losses = {0: problem.objective(theta, data)}
        for step, draw in enumerate(draws, start=1):
            theta = theta.requires_grad_()
            (gradient,) = torch.autograd.grad(problem.loss(theta, data, draw).sum(), theta)
            theta = theta.detach() - rate * gradient
            losses[step] = problem.objective(theta, data)
        return {step: losses[step] for step in steps}

    return run


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("rotated", [False, True])
def test_sgd_has_the_expected_loss(sgd_losses, batch_size, rotated):
    """The mean over 64 trials lies within 4 standard errors of the closed form."""
    problem = NoisyQuadratic(batch_size=batch_size, rotated=rotated)
    for steps, losses in sgd_losses(problem, 0.5, [0, 1, 10, 100]).items():
        expected = expected_loss(100, 0.5, batch_size, steps).item()
        error = 4 * (losses.std() / len(losses) ** 0.5).item()
        assert losses.mean().item() == pytest.approx(expected, abs=error + 1e-12)


def test_steps_to_a_target_halve_with_each_doubling_of_the_batch_up_to_a_critical_size():
    """Steps of SGD with the best constant rate to a loss of 0.1, from the closed form."""
    steps = torch.arange(1, 4_000)

    def steps_to_target(batch_size):
        losses = torch.stack(
            [expected_loss(20, rate, batch_size, steps) for rate in torch.logspace(-3, 0.3, 67).tolist()]
        )
        return steps[(losses < 0.1).any(0)][0].item()

    small, double, large, larger = map(steps_to_target, (1, 2, 256, 512))
    assert small / double == pytest.approx(2, abs=0.3)
    assert large / larger < 1.2


def test_invalid_sizes_are_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="batch_size is 0; must be at least 1"):
        NoisyQuadratic(batch_size=0)
