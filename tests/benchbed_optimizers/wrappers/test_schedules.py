"""The paths of schedules."""

import functools
import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR

import benchbed
from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.adam import adam
from benchbed_optimizers.wrappers import schedules

STEPS = 200
RATES = [{"learning_rate": 1e-3}, {"learning_rate": 2e-3}]


def warmup_of(share):
    """Return the factor of a warm-up over a share of the steps."""
    return lambda t: min(1.0, (t + 1) / (share * STEPS)) if share else 1.0


def after(share, t):
    """Return the share of the steps after the warm-up that are taken."""
    return max(0.0, (t / STEPS - share) / (1 - share))


SHAPES = {
    ("constant", 0.1): lambda share, t: 1.0,
    ("linear", 0.1): lambda share, t: 1 - share,
    ("cosine", 0.2): lambda share, t: (1 + math.cos(math.pi * share)) / 2,
    ("wsd", 0.1): lambda share, t: min(1.0, (1 - share) / 0.2),
    ("inverse_sqrt", 0.25): lambda share, t: math.sqrt(0.25 / max(0.25, t / STEPS)),
}


def scheduled(name):
    """Return the factory of Adam with a schedule."""
    return functools.partial(wrapped_factory(name, getattr(schedules, name), adam), budget=STEPS)


def with_scheduler(make):
    """Return a function that builds Adam with a scheduler that steps after it."""

    def build(parameters, setting):
        optimizer = torch.optim.Adam(parameters, lr=setting["learning_rate"])
        scheduler = make(optimizer)
        optimizer.register_step_post_hook(lambda *_: scheduler.step())
        return optimizer

    return build


@pytest.mark.parametrize(("name", "share"), SHAPES)
def test_the_path_equals_that_of_a_lambda(assert_same_path_as_torch, name, share):
    """`LambdaLR` with the formula, and a warm-up."""
    shape, warmup = SHAPES[name, share], warmup_of(share)
    settings = [{**rate, f"{name}_warmup": share} for rate in RATES]
    make = with_scheduler(
        lambda optimizer: LambdaLR(optimizer, lambda t: warmup(t) * shape(after(share, t), t))
    )
    assert_same_path_as_torch(scheduled(name), settings, make)


def test_without_warm_up_the_schedules_are_those_of_torch(assert_same_path_as_torch):
    """`CosineAnnealingLR` and `LinearLR`, with a final rate."""
    for name, make in {
        "cosine": lambda optimizer: CosineAnnealingLR(
            optimizer, STEPS, eta_min=0.1 * optimizer.param_groups[0]["lr"]
        ),
        "linear": lambda optimizer: LinearLR(optimizer, 1.0, 0.1, STEPS),
    }.items():
        settings = [{**rate, f"{name}_final": 0.1} for rate in RATES]
        assert_same_path_as_torch(scheduled(name), settings, with_scheduler(make))


def test_schedules_multiply():
    """The rate of a schedule inside another is the product, for rules and for classes of torch."""

    def loss(theta):
        return 0.5 * (theta * torch.tensor([1.0, 30.0]) * theta).sum()

    ends = {
        name: benchbed.minimize(loss, [2.0, 1.0], name, steps=50).theta
        for name in (
            "linear(cosine(sgd[learning_rate=0.05]))",
            "cosine(linear(sgd[learning_rate=0.05]))",
            "linear(cosine(torch.optim:SGD[learning_rate=0.05]))",
        )
    }
    theta = torch.tensor([2.0, 1.0], dtype=torch.float64)
    for t in range(50):
        rate = 0.05 * (1 - t / 50) * (1 + math.cos(math.pi * t / 50)) / 2
        theta = theta - rate * torch.tensor([1.0, 30.0], dtype=torch.float64) * theta
    for end in ends.values():
        torch.testing.assert_close(end, theta, rtol=1e-12, atol=1e-12)


def test_scheduled_is_the_schedule_of_that_name():
    """To the bit, for each of them."""

    def loss(theta):
        return 0.5 * (theta * torch.tensor([1.0, 30.0]) * theta).sum()

    for name in ("constant", "linear", "cosine", "wsd", "inverse-sqrt"):
        ends = [
            benchbed.minimize(loss, [2.0, 1.0], selector, steps=50).theta
            for selector in (
                f"{name}(sgd[learning_rate=0.03], warmup=0.1)",
                f"scheduled(sgd[learning_rate=0.03], schedule={name}, warmup=0.1)",
            )
        ]
        assert torch.equal(*ends)


@pytest.mark.parametrize(
    ("name", "parameter"), [("cosine", "warmup"), ("constant", "warmup"), ("wsd", "cooldown")]
)
@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_shares_lie_between_0_and_1(name, parameter, share):
    """A longer warm-up would silently train at a rate of 0."""
    with pytest.raises(ValueError, match=f"{parameter} is {share:g}; it must be at least 0 and below 1"):
        scheduled(name)(**{f"{name}_{parameter}": share})


def test_the_rate_of_inverse_sqrt_needs_a_warm_up():
    """Its highest rate is that at the end of the warm-up."""
    for factory in (
        functools.partial(scheduled("inverse_sqrt"), inverse_sqrt_warmup=0.0),
        functools.partial(scheduled("scheduled"), scheduled_schedule="inverse-sqrt", scheduled_warmup=0.0),
    ):
        with pytest.raises(ValueError, match="warmup is 0, so that the rate would be 0 in all steps"):
            factory()


def test_a_schedule_needs_a_learning_rate():
    """Otherwise it would change nothing."""

    def no_rate(step=0.1):
        return adam(step)

    with pytest.raises(ValueError, match="a schedule needs an optimizer with a learning_rate"):
        wrapped_factory("cosine", schedules.cosine, no_rate)(budget=10)
