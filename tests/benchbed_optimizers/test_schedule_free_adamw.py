"""The path and the answer of schedule-free AdamW."""

import pytest
import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.schedule_free_adamw import schedule_free_adamw
from benchbed_optimizers.wrappers.schedules import constant

SETTINGS = [
    {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
    {"learning_rate": 2e-3, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1},
    {"learning_rate": 1e-3, "beta1": 0.98, "beta2": 0.99, "epsilon": 1e-2, "weight_decay": 1.0},
]
STEPS, WARMUP = 200, 0.1


def reference(parameters, setting, **options):
    """That of the authors, in the mode in which gradients are computed."""
    package = pytest.importorskip("schedulefree")
    optimizer = package.AdamWScheduleFree(
        parameters,
        lr=setting["learning_rate"],
        betas=(setting["beta1"], setting["beta2"]),
        eps=setting["epsilon"],
        weight_decay=setting["weight_decay"],
        **options,
    )
    optimizer.train()
    return optimizer


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """Its points y, at which gradients are evaluated."""
    assert_same_path_as_torch(schedule_free_adamw, SETTINGS, reference)


def test_a_warm_up_equals_that_of_the_reference(assert_same_path_as_torch):
    """The weights of the average grow with the rates."""
    warmed = wrapped_factory("constant", constant, schedule_free_adamw)
    assert_same_path_as_torch(
        lambda **setting: warmed(**setting, budget=STEPS, constant_warmup=WARMUP),
        SETTINGS,
        lambda parameters, setting: reference(parameters, setting, warmup_steps=round(WARMUP * STEPS)),
    )


def test_the_answer_equals_that_of_the_reference(oracle_of):
    """The point of its evaluation mode, after some steps with a weight decay."""
    setting = {**SETTINGS[1], "learning_rate": 0.1}
    optimizer = schedule_free_adamw(**setting)
    theta = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
    parameter, state = torch.nn.Parameter(theta.clone()), optimizer.init(theta)
    of_authors = reference([parameter], setting)
    for _ in range(20):
        theta, state = optimizer.update(oracle_of(theta.sin() + 0.5), state, theta)
        parameter.grad = parameter.detach().sin() + 0.5
        of_authors.step()
    of_authors.eval()
    torch.testing.assert_close(optimizer.answer(state, theta), parameter.detach(), rtol=1e-12, atol=1e-12)
    assert (optimizer.answer(state, theta) - theta).abs().min() > 1e-3


def test_gradients_at_the_iterates_of_adamw_are_another_rule():
    """With β₁ = 0 the average would have no effect, and could not be recovered from y."""
    with pytest.raises(ValueError, match="beta1 is 0; it must be above 0"):
        schedule_free_adamw(beta1=0.0)
