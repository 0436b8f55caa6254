"""Trials of networks equal a loop of plain PyTorch with torch.optim.SGD over the same mini-batches, in float64."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchbed.checkpoints import checkpoint_steps
from benchbed.engine.sampling import Instances
from benchbed.errors import ContractError
from benchbed.gradients import finite_difference, forward
from benchbed.interfaces.modules.network import Network
from benchbed.seeds import DRAW_BLOCK, InstanceSeed
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd

sys.path.insert(0, str(Path(__file__).parent))  # tests are not packages
from networks import BATCH_SIZE, NETWORKS, SAMPLES, Classification

sys.path.pop(0)

STEPS = 30
RATES = [0.02, 0.3]


class GivenMask(nn.Module):
    """Dropout with the masks of a list instead of random ones."""

    def __init__(self, layer, masks):
        super().__init__()
        self.p, self.masks = layer.p, masks

    def forward(self, x):
        return x * self.masks.pop(0) / (1 - self.p) if self.training else x


def plain_loop(problem, seed, rate, steps):
    """Train by torch.optim.SGD; return the losses and the accuracies in `eval()` mode at the checkpoints."""
    instances = Instances(problem, [seed])
    with torch.random.fork_rng():
        torch.manual_seed(seed.generator_seed("start"))
        network = problem.make_network().double()
    masks = []
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Dropout | nn.Dropout2d) and layer.p:
            network.set_submodule(name, GivenMask(layer, masks))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate)
    data, losses = instances.data, []

    def measure():
        network.eval()
        with torch.no_grad():
            x, y = data.training
            losses.append(problem.loss_of(network(x), y).item())
        network.train()

    measure()
    for step in range(steps):
        draw = instances.draws.at(step)
        masks[:] = [mask[0, 0].double() for mask in draw.noise]
        x, y = (part[draw.positions[0, 0]] for part in data.training)
        optimizer.zero_grad()
        problem.loss_of(network(x), y).backward()
        optimizer.step()
        if step + 1 in checkpoint_steps(steps, 1.0):
            measure()
    network.eval()
    with torch.no_grad():
        x, y = data.validation
        outputs = network(x)
        return losses, problem.measure_accuracy(outputs, y).item(), problem.loss_of(outputs, y).item()


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # kernels that run one trial at a time
@pytest.mark.parametrize("name", NETWORKS)
def test_trials_equal_a_loop_of_plain_pytorch(run, name):
    """Objectives at every checkpoint and metrics at the end; 1e-9 is far above rounding, below a real difference."""
    problem = Classification(network=name)
    record = run(problem, sgd, seeds=2, budget=STEPS, learning_rate=RATES, scale=None, dtype="float64")
    assert record.error is None
    for seed in range(2):
        for setting, rate in enumerate(RATES):
            identity = InstanceSeed(0, "classification", "evaluation", seed)
            losses, accuracy, loss = plain_loop(problem, identity, rate, STEPS)
            np.testing.assert_allclose(record.curve_objective[seed, setting], losses, rtol=1e-9)
            assert record.metrics["validation-accuracy"][seed, setting] == pytest.approx(accuracy, rel=1e-12)
            assert record.metrics["validation-loss"][seed, setting] == pytest.approx(loss, rel=1e-9)


def test_an_epoch_contains_each_sample_once():
    """Except those of the last incomplete batch; blocks of draws begin with an epoch, and epochs differ."""
    problem = Classification()
    epoch = SAMPLES // BATCH_SIZE
    assert problem.draw_block % epoch == 0
    assert abs(problem.draw_block - DRAW_BLOCK) < epoch
    positions = problem.make_draws(torch.Generator().manual_seed(0), problem.draw_block).positions
    epochs = positions.view(-1, epoch * BATCH_SIZE)
    assert all(len(set(samples.tolist())) == epoch * BATCH_SIZE for samples in epochs)
    assert len(set(map(tuple, epochs.tolist()))) == len(epochs)


def test_samples_with_replacement_repeat():
    """In about one of three mini-batches of 8 out of 50."""
    positions = (
        Classification(with_replacement=True).make_draws(torch.Generator().manual_seed(0), 100).positions
    )
    assert positions.shape == (100, BATCH_SIZE)
    assert any(len(set(batch.tolist())) < BATCH_SIZE for batch in positions)


def test_buffers_belong_to_the_lane(run, lane_of, assert_same_lane, monkeypatch):
    """A trial with running statistics and dropout is the same alone, in tiles of one lane, and beside others."""
    problem = Classification(network="batch-norm-dropout")
    together = run(problem, sgd, seeds=2, budget=12, learning_rate=RATES, scale=None)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    in_tiles = run(problem, sgd, seeds=2, budget=12, learning_rate=RATES, scale=None)
    alone = run(problem, sgd, seeds=[1], budget=12, learning_rate=RATES[1:], scale=None)
    assert_same_lane(lane_of(together, 1, 1), lane_of(in_tiles, 1, 1))
    assert_same_lane(lane_of(together, 1, 1), lane_of(alone))
    np.testing.assert_allclose(
        together.metrics["validation-loss"], in_tiles.metrics["validation-loss"], rtol=1e-12
    )


@pytest.mark.parametrize(("gradient", "tolerance"), [(forward, 1e-9), (finite_difference, 1e-6)])
def test_running_statistics_are_served_along_many_directions(run, gradient, tolerance):
    """Three steps of forward mode and of finite differences are those of reverse mode, to their precision."""
    problem = Classification(network="batch-norm")
    price = gradient.price(problem.layout.dimension)
    fields = {"learning_rate": RATES, "scale": None, "dtype": "float64"}
    record = run(problem, sgd, gradient=gradient, budget=math.ceil(3 * price), **fields)
    assert record.error is None
    assert set(record.steps.flat) == {3}
    expected = run(problem, sgd, budget=3, **fields)
    np.testing.assert_allclose(record.final_theta, expected.final_theta, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        record.curve_objective[..., -1], expected.curve_objective[..., -1], rtol=tolerance
    )


def test_an_eager_step_runs_the_network_once(run, monkeypatch):
    """For loss, gradient and running statistics together."""
    calls = []

    def counted(network, *arguments, is_training):
        calls.append(is_training)
        return run_network(network, *arguments, is_training=is_training)

    run_network = Network.run
    monkeypatch.setattr(Network, "run", counted)
    problem = Classification(network="batch-norm")
    _ = problem.layout  # examines the network
    calls.clear()
    run(problem, sgd, seeds=2, budget=12, learning_rate=RATES, scale=None)
    assert sum(calls) == 12


def test_full_gradients_use_the_statistics_of_all_samples(run):
    """A `full_batch` rule trains in `train()` mode on all samples and updates the running statistics."""
    problem = Classification(network="batch-norm")
    record = run(problem, gd, seeds=1, budget=50, learning_rate=[0.1], scale=None)
    identity = InstanceSeed(0, "classification", "evaluation", 0)
    data = Instances(problem, [identity]).data
    with torch.random.fork_rng():
        torch.manual_seed(identity.generator_seed("start"))
        network = problem.make_network().double()
    x, y = data.training[0].double(), data.training[1]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(int(record.steps[0, 0])):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    expected = nn.functional.cross_entropy(network.eval()(x), y).item()
    assert record.steps[0, 0] == 50 // (SAMPLES / BATCH_SIZE)
    assert record.curve_objective[0, 0, -1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Classification(batch_size=51), "batch_size is 51; it must be between 1 and the 50 training samples"),
        (Classification(batch_size=0), "batch_size is 0"),
    ],
)
def test_a_batch_size_must_fit(problem, message):
    """Into the training data."""
    with pytest.raises(ContractError, match=message):
        _ = problem.full_price


def test_facts_are_derived():
    """The layout from the parameters, the price from the samples, metrics from methods, the workspace from a pass."""
    problem = Classification()
    assert problem.layout.blocks == {"0.weight": (7, 6), "0.bias": (7,), "2.weight": (3, 7), "2.bias": (3,)}
    assert problem.full_price == SAMPLES / BATCH_SIZE
    assert set(problem.metrics) == {"validation-loss", "validation-accuracy"}
    # Each sample has 7 sums, as many after the ReLU, and at least 3 logits.
    assert problem.workspace >= SAMPLES * 17
    assert problem.make_buffers(torch.Generator()) is None


COMPILED = [
    "mlp",
    "cnn",
    "group-norm",
    "batch-norm-images",
    "transformer",
    "lstm",
    "gru",
    "short-lstm",
    "autoencoder",
    "dropout",
    "batch-norm-dropout",
    "padding",
    "padded-encoder",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_steps_agree_with_eager_ones(run, name):
    """In float32, where the objectives differ by a few roundings (1e-5) after 30 steps; buffers and masks included."""
    problem = Classification(network=name)
    records = [
        run(
            problem,
            sgd,
            seeds=2,
            budget=STEPS,
            learning_rate=RATES,
            scale=None,
            dtype="float32",
            engine=engine,
        )
        for engine in ("eager", "compiled")
    ]
    eager, compiled = records
    assert set(compiled.engine.flat) == {"compiled"}, compiled.fallback_reason.flat[0]
    np.testing.assert_allclose(compiled.curve_objective, eager.curve_objective, rtol=1e-5)
    for metric, values in eager.curve_metrics.items():
        np.testing.assert_allclose(compiled.curve_metrics[metric], values, rtol=1e-4, err_msg=metric)
