"""Trials of transformed problems: paired with those of the original problem, and equal on every engine."""

import numpy as np
import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.engine.run import run_batch
from benchbed.gradients import finite_difference, forward, reverse
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.adam import adam
from benchbed_optimizers.gd import gd
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.delay import delayed
from benchbed_problems.transforms.quantization import quantize

CATALOG = load_catalog()
TRANSFORMED = {
    "noisy(rotated(quadratic))": {"dimension": 4, "noisy_tail": "student"},
    "shifted(rescaled(block-quadratic))": {"rescaled_of": "blocks", "rescaled_condition": 10.0},
    "quantized(shifted(quadratic))": {"quantized_rounding": "stochastic"},
    "quantized(rotated(noisy-quadratic))": {"dimension": 5, "rotated_seed": 1},
}


@pytest.fixture
def run_named(make_batch):
    """Return a function that runs trials of a registered problem, on the instances of a study."""

    def run(name, factory=sgd, parameters=None, gradient=reverse, seeds=3, **more):
        problem = CATALOG.problem(name, parameters or {})
        batch = make_batch(
            problem, factory, budget=more.pop("budget", 60), gradient=problem.change_gradient(gradient),
            stop_when_solved=False, **more,
        )  # fmt: skip
        instance_seeds = [InstanceSeed(0, name, "evaluation", number) for number in range(seeds)]
        return run_batch(batch._replace(seeds=instance_seeds, raises=True))

    return run


@pytest.mark.parametrize("factory", [gd, momentum])
def test_gradient_descent_does_not_see_a_rotation(factory, run_named):
    """Its losses are those on the original problem, trial by trial; Adam's are not."""
    curves = {
        rule: [
            run_named(name, rule, learning_rate=[0.005]).curve_objective
            for name in ("quadratic", "rotated(quadratic)")
        ]
        for rule in (factory, adam)
    }
    original, rotated = curves[factory]
    np.testing.assert_allclose(rotated, original, rtol=1e-10)
    original, rotated = curves[adam]
    assert np.all(np.abs(rotated / original - 1)[..., -1] > 1e-3)


def test_a_shift_changes_no_loss(run_named):
    """Without weight decay no rule of the package knows the origin."""
    original, shifted = (
        run_named(name, adam, learning_rate=[0.01]) for name in ("rosenbrock", "shifted(rosenbrock)")
    )
    np.testing.assert_allclose(shifted.curve_objective, original.curve_objective, rtol=1e-8)
    assert not np.allclose(shifted.final_theta, original.final_theta)


def test_scales_are_rates_of_coordinates(run_named):
    """Gradient descent on f(Λφ) with rate η is that on f with the rates ηλ², here of all coordinates but the first."""
    rescaled = run_named("rescaled(quadratic)", gd, {"rescaled_condition": 4.0}, learning_rate=[0.002])
    original = run_named("quadratic", gd, learning_rate=[0.002, 0.008])
    point = rescaled.final_theta[:, 0] * [1.0, 2.0]
    np.testing.assert_allclose(point[:, 0], original.final_theta[:, 0, 0], rtol=1e-10)
    np.testing.assert_allclose(point[:, 1], original.final_theta[:, 1, 1], rtol=1e-10)


@pytest.mark.parametrize("name", TRANSFORMED)
def test_compiled_steps_equal_eager_ones(name, run_named):
    """Of delayed rules, too, and with random numbers of problems and gradients."""

    def late(learning_rate=0.01):
        return delayed(adam(learning_rate), steps=2)

    compiled, eager = (
        run_named(name, late, TRANSFORMED[name], engine=engine, learning_rate=[0.01, 0.02])
        for engine in ("compiled", "eager")
    )
    assert set(compiled.engine.flatten()) == {"compiled"}
    np.testing.assert_allclose(compiled.final_theta, eager.final_theta, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gradient", [forward, finite_difference], ids=["forward", "finite-difference"])
def test_each_gradient_is_rounded(gradient, run_named):
    """By whichever method it is computed."""
    expected = run_named("quantized(quadratic)", learning_rate=[0.002], budget=30)
    calls = round(30 * gradient.price(2))
    other = run_named("quantized(quadratic)", learning_rate=[0.002], gradient=gradient, budget=calls)
    exact = run_named("quadratic", learning_rate=[0.002], budget=30)
    np.testing.assert_allclose(other.final_theta, expected.final_theta, rtol=1e-6)
    assert np.abs(exact.final_theta / expected.final_theta - 1).max() > 1e-3


def test_a_rule_of_torch_receives_the_rounded_gradient(run_named):
    """Its trial does not use the shortcut by which the losses of blocks write their gradients."""
    factory = CATALOG.optimizer("torch.optim:SGD").implementation
    statics = {
        name: parameter.default
        for name, parameter in CATALOG.parameters("torch.optim:SGD").items()
        if parameter.static
    }
    layout = CATALOG.problem("quadratic", {}).layout
    trials = [
        run_named("quantized(quadratic)", sgd, learning_rate=[0.002]),
        run_named("quantized(quadratic)", factory, statics=statics | {"layout": layout}, learning_rate=[0.002]),
    ]  # fmt: skip
    np.testing.assert_allclose(*(trial.final_theta for trial in trials), rtol=1e-12)


def test_measured_gradients_are_exact(run_named):
    """The norm of the first checkpoint is that of the objective's gradient, not of the rounded one."""
    names = ("quadratic", "quantized(quadratic)")
    trials = [run_named(name, learning_rate=[0.002], budget=5) for name in names]
    norms = [trial.curve_gradient_norm[..., 0] for trial in trials]
    np.testing.assert_array_equal(*norms)
    gradient = torch.tensor([1.0, 100.0], dtype=torch.float64)
    assert not torch.equal(quantize(gradient, 4), gradient)
