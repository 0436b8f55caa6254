"""The path of muon on matrices and vectors."""

import numpy as np
import pytest
import torch

import benchbed
from benchbed.interfaces import Layout
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.muon import muon

LAYOUT = Layout({"wide": (3, 5), "bias": (3,), "tall": (4, 2), "kernel": (2, 3, 2)})
MATRICES = {"wide": (3, 5), "tall": (4, 2), "kernel": (2, 6)}
STEPS = 200


def losses_of(theta, target, weights):
    """A loss whose gradient depends on all coordinates of a trial: `[...]`."""
    return ((theta - target).square() * weights).sum(-1) + (theta.sin()).sum(-1).square()


def orthogonalized(matrix):
    """The iteration of the source, in NumPy and by rows of the definition."""
    x = matrix / (np.sqrt((matrix**2).sum()) + 1e-7)
    for _ in range(5):
        x = 3.4445 * x + (-4.7750 * (x @ x.T) + 2.0315 * (x @ x.T) @ (x @ x.T)) @ x
    return x


def blocks_of(vector):
    """Split a vector by the layout."""
    views = LAYOUT.views(torch.as_tensor(vector))
    return {name: view.numpy().reshape(MATRICES.get(name, view.shape)) for name, view in views.items()}


def follow_reference(theta, gradient_of, scaling, rate, beta, decay, others):
    """Muon for each matrix in NumPy, and AdamW of torch for the vector: `[steps + 1, dimension]`."""
    bias = torch.nn.Parameter(torch.as_tensor(blocks_of(theta)["bias"].copy()))
    adam = torch.optim.AdamW([bias], lr=rate * others, weight_decay=decay)
    momentum, path = {name: np.zeros(shape) for name, shape in MATRICES.items()}, [theta]
    for _ in range(STEPS):
        gradients, points, parts = blocks_of(gradient_of(theta)), blocks_of(theta), {}
        for name, (rows, columns) in MATRICES.items():
            momentum[name] = beta * momentum[name] + gradients[name]
            direction = gradients[name] + beta * momentum[name]
            step = orthogonalized(direction.T).T if rows > columns else orthogonalized(direction)
            factor = 0.2 * max(rows, columns) ** 0.5 if scaling == "rms" else max(1, rows / columns) ** 0.5
            parts[name] = points[name] - rate * (factor * step + decay * points[name])
        bias.grad = torch.as_tensor(gradients["bias"].copy())
        adam.step()
        parts["bias"] = bias.detach().numpy().copy()
        theta = torch.cat([torch.as_tensor(parts[name]).flatten() for name in LAYOUT.blocks])
        path.append(theta)
    return torch.stack(path)


@pytest.mark.parametrize("scaling", ["shape", "rms"])
def test_the_path_equals_the_reference(scaling, oracle_of):
    """In float64 to 1e-10, for single trials and lanes: products of matrices sum in another order in NumPy."""
    generator = torch.Generator().manual_seed(3)
    start, target, weights = (
        torch.rand(2, LAYOUT.dimension, generator=generator, dtype=torch.float64) + 0.1 for _ in range(3)
    )
    settings = [(1e-2, 0.95, 0.0, 0.015), (5e-3, 0.5, 0.1, 1.0)]  # rate, beta, decay, share of the others
    columns = torch.tensor(settings, dtype=torch.float64).T[:, :, None]  # [4, settings, 1]
    optimizer = muon(LAYOUT, *columns[:3], scaling=scaling, others_rate=columns[3])
    theta = start[:, None].expand(-1, 2, -1)  # [seeds, settings, dimension]
    state, lanes = optimizer.init(theta), [theta]
    for _ in range(STEPS):
        point = theta.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(losses_of(point, target[:, None], weights[:, None]).sum(), point)
        theta, state = optimizer.update(oracle_of(gradient), state, theta)
        lanes.append(theta)
    path = torch.stack(lanes)
    for seed in range(2):

        def gradient_of(theta, seed=seed):
            point = theta.clone().requires_grad_()
            return torch.autograd.grad(losses_of(point, target[seed], weights[seed]), point)[0]

        for number, setting in enumerate(settings):
            expected = follow_reference(start[seed], gradient_of, scaling, *setting)
            torch.testing.assert_close(path[:, seed, number], expected, rtol=1e-10, atol=1e-10)


def test_singular_values_become_one(oracle_of):
    """Those of the gradient span a factor of 50, and those of the first step lie in [0.68, 1.21]."""
    layout = Layout({"matrix": (6, 6)})
    generator = torch.Generator().manual_seed(4)
    left, right = (
        torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0] for _ in range(2)
    )
    gradient = (left * torch.tensor([10.0, 5, 2, 1, 0.5, 0.2], dtype=torch.float64)) @ right
    optimizer = muon(layout, learning_rate=1.0)
    theta = torch.zeros(36, dtype=torch.float64)
    moved, _ = optimizer.update(oracle_of(gradient.flatten()), optimizer.init(theta), theta)
    values = torch.linalg.svdvals(moved.reshape(6, 6))
    assert values.min() > 0.68
    assert values.max() < 1.21


def test_the_state_has_one_number_for_a_coordinate_of_a_matrix():
    """And two for others, so that the bytes of state in tables are those of the rule."""
    optimizer = muon(LAYOUT)
    state = optimizer.init(torch.zeros(LAYOUT.dimension))
    assert [tensor.shape[-1] for tensor in state] == [LAYOUT.dimension - 3, 3, 3, 1, 1]


@pytest.mark.slow
def test_compiled_steps_equal_eager_ones(tmp_path):
    """On a network, in float32 to 1e-4 after 40 steps; the step is generated, and calls nothing."""
    plans = {engine: tmp_path / engine for engine in ("compiled", "eager")}
    objectives = []
    for engine, folder in plans.items():
        study = benchbed.run(
            problems=["polynomial-network"], optimizers=["muon", "muon[scaling=rms, others_rate=1]"], seeds=2, steps=40,
            tracks=["default"], engine=engine, output=folder, preset="quick",
        )  # fmt: skip
        trials = study.trials.sort_values(["hyperparameters", "seed"])
        assert set(trials["engine"]) == {engine}
        objectives.append(trials["final_objective"].to_numpy())
        if engine == "compiled":
            assert set(trials["engine_reason"]) == {"requested; tensorwise code"}
    np.testing.assert_allclose(*objectives, rtol=1e-4)


def test_without_matrices_it_is_adamw(quadratic_path):
    """With the rate of the other blocks."""
    alone = muon(Layout({"theta": (2,)}), learning_rate=0.05, others_rate=1.0, weight_decay=0.1)
    assert torch.equal(
        quadratic_path(alone, 50), quadratic_path(adamw(learning_rate=0.05, weight_decay=0.1), 50)
    )
