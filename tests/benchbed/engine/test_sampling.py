"""Starts, data and draws come from the protocol's generators, for every batch, device and dtype."""

import gc
import weakref
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.engine.sampling import BlockDraws, Instances, is_deterministic
from benchbed.interfaces import Layout, Problem
from benchbed.seeds import DRAW_BLOCK, InstanceSeed
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge

DOUBLE, SINGLE = torch.float64, torch.float32


def instances_of(problem, indices, dtype=DOUBLE, role="evaluation", study_seed=0):
    seeds = [InstanceSeed(study_seed, "some-problem", role, index) for index in indices]
    return Instances(problem, seeds, torch.device("cpu"), dtype)


def generator_of(index, purpose, block=0):
    seed = InstanceSeed(0, "some-problem", "evaluation", index)
    return torch.Generator().manual_seed(seed.generator_seed(purpose, block))


NOISY = Quadratic(dimension=3, rotated=True, gradient_noise=1.0)
NETWORK = PolynomialNetwork(dimension=2, samples=64, hidden=(3,), batch_size=8)


@pytest.mark.parametrize("problem", [NOISY, NETWORK], ids=["noise", "mini-batches"])
def test_an_instance_is_the_same_in_every_batch(problem):
    """Start, data and draws of seed 3 do not depend on the other seeds or their order."""
    several, single = instances_of(problem, [5, 3, 0]), instances_of(problem, [3])
    assert torch.equal(several.start[1], single.start[0])
    if not several.shared:
        assert torch.equal(several.data.basis[1], single.data.basis[0])
    for step in (0, 999, 1000, 2500):
        assert torch.equal(several.draws.at(step)[1], single.draws.at(step)[0])


def test_an_instance_is_drawn_from_its_own_generators():
    """Start, data and draws equal those of the problem with generators seeded for that purpose."""
    instances = instances_of(NOISY, [2, 4])
    for position, index in enumerate([2, 4]):
        assert torch.equal(instances.start[position], NOISY.make_start(generator_of(index, "start")))
        rotation = NOISY.make_data(generator_of(index, "data")).basis
        assert torch.equal(instances.data.basis[position, 0], rotation)
        draws = NOISY.make_draws(generator_of(index, "draws"), 1000)
        assert torch.equal(instances.draws.at(17)[position, 0], draws[17])


@pytest.mark.parametrize("problem", [NOISY, NETWORK], ids=["noise", "mini-batches"])
def test_every_thousand_steps_use_a_new_generator(problem):
    """Step 999 is the last of block 0, step 1000 the first of block 1, whose generator is new."""
    instances = instances_of(problem, [7])
    blocks = [problem.make_draws(generator_of(7, "draws", block), 1000) for block in range(2)]
    assert torch.equal(instances.draws.at(999)[0, 0], blocks[0][999])
    assert torch.equal(instances.draws.at(1000)[0, 0], blocks[1][0])
    assert not torch.equal(blocks[0][0], blocks[1][0])


def test_draws_are_available_in_any_order():
    """An earlier block has the same draws when it is loaded again."""
    instances = instances_of(NOISY, [0, 1])
    first = instances.draws.at(3).clone()
    instances.draws.at(1003)
    assert torch.equal(instances.draws.at(3), first)


def test_a_run_of_more_than_a_thousand_steps_uses_the_second_block(run):
    """From step 1000 on the noise is that of block 1: SGD on ½θ² is followed through both blocks."""
    problem = Quadratic(eigenvalues=(1.0,), gradient_noise=1.0)
    record = run(problem, targets=(), budget=1200, seeds=[4], learning_rate=[0.1])
    seed = InstanceSeed(0, "quadratic", "evaluation", 4)
    theta = problem.make_start(torch.Generator().manual_seed(seed.generator_seed("start"))).item()
    for block in range(2):
        generator = torch.Generator().manual_seed(seed.generator_seed("draws", block))
        for noise in problem.make_draws(generator, 1000)[: 1200 - 1000 * block, 0].tolist():
            theta -= 0.1 * (theta + noise)
    np.testing.assert_allclose(record.final_theta[0, 0], [theta], rtol=1e-12)


def test_single_precision_casts_the_double_precision_instance():
    """Everything is drawn in float64 and then rounded; indices stay integers."""
    double, single = instances_of(NOISY, [0, 1]), instances_of(NOISY, [0, 1], SINGLE)
    assert single.start.dtype == single.data.basis.dtype == single.draws.at(0).dtype == SINGLE
    assert torch.equal(single.start, double.start.float())
    assert torch.equal(single.data.basis, double.data.basis.float())
    assert torch.equal(single.draws.at(1234), double.draws.at(1234).float())
    index = instances_of(NETWORK, [0], SINGLE).draws.at(5)
    assert index.dtype == torch.int64
    assert torch.equal(index, instances_of(NETWORK, [0]).draws.at(5))


def test_the_optimum_is_computed_in_double_precision():
    """On the data before they are rounded."""
    single, double = instances_of(Runge(), range(3), SINGLE), instances_of(Runge(), range(3))
    assert single.optimum().dtype == DOUBLE
    assert torch.equal(single.optimum(), double.optimum())
    assert single.optimum().shape == (3, 1)


def test_roles_and_study_seeds_draw_different_instances():
    """No start of one role, or of one study seed, appears in another."""
    starts = [
        instances_of(Quartic(), range(20), role=role, study_seed=study_seed).start
        for role in ("scale", "tuning", "evaluation")
        for study_seed in (0, 1)
    ]
    assert len(set(torch.cat(starts).flatten().tolist())) == 6 * 20


def test_shared_data_have_no_leading_dimensions():
    """Data of each instance reach the loss as [seeds, 1, …]."""
    assert instances_of(Quadratic(), range(4)).data.eigenvalues.shape == (2,)
    assert instances_of(NOISY, range(4)).data.basis.shape == (4, 1, 3, 3)
    assert instances_of(Quartic(), range(4)).data is None


def test_a_selection_has_the_data_and_draws_of_its_seeds():
    """In the current block and in later ones."""
    complete = instances_of(NOISY, range(5))
    complete.draws.at(10)
    selection = complete.select([1, 4])
    for step in (10, 11, 1000):
        assert torch.equal(selection.draws.at(step), complete.draws.at(step)[[1, 4]])
    assert torch.equal(selection.data.basis, complete.data.basis[[1, 4]])
    assert torch.equal(selection.start, complete.start[[1, 4]])
    assert torch.equal(selection.optimum(), complete.optimum()[[1, 4]])


@dataclass(frozen=True)
class ModuleStart(Problem):
    """A problem whose start is the initialization of a torch module."""

    layout = Layout({"theta": (12,)})

    def make_start(self, generator):
        return torch.nn.utils.parameters_to_vector(torch.nn.Linear(3, 3).parameters()).detach()

    def objective(self, theta, data):
        return theta.square().sum(-1)


def test_a_module_drawn_from_the_global_generator_has_a_reproducible_start():
    """The global generator is seeded for each start, and keeps its state afterwards."""
    torch.manual_seed(1)
    first = instances_of(ModuleStart(), [0, 1, 2])
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = instances_of(ModuleStart(), [2, 1, 0])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.start, second.start.flip(0))
    assert not torch.equal(first.start[0], first.start[1])


def test_a_module_starts_as_with_torch_manual_seed():
    """The numbers are those of torch.manual_seed with the seed of the purpose start."""
    torch.manual_seed(InstanceSeed(0, "some-problem", "evaluation", 3).generator_seed("start"))
    expected = ModuleStart().make_start(None)
    assert torch.equal(instances_of(ModuleStart(), [3]).start[0], expected.double())


class Pair(NamedTuple):
    """Two kinds of draws."""

    noise: Tensor
    index: Tensor


def test_draws_may_be_a_tuple_of_tensors():
    """Each tensor is split into steps and stacked over seeds."""

    @dataclass(frozen=True)
    class Two(ModuleStart):
        def make_draws(self, generator, steps):
            noise = torch.randn(steps, 2, generator=generator, dtype=torch.float64)
            return Pair(noise, torch.randint(9, (steps, 4, 5), generator=generator))

    draw = instances_of(Two(), range(3)).draws.at(6)
    assert isinstance(draw, Pair)
    assert (draw.noise.shape, draw.index.shape) == ((3, 1, 2), (3, 1, 4, 5))


@pytest.mark.parametrize(
    ("problem", "expected"), [(Runge(), True), (Quadratic(), True), (Quartic(), False), (NETWORK, False)]
)
def test_a_problem_without_draws_is_deterministic(problem, expected):
    """The full and the stochastic gradient are equal."""
    assert is_deterministic(problem) is expected


def test_draws_of_different_shapes_are_rejected():
    """Copying into one tensor would broadcast those of one seed."""

    class Uneven(Quadratic):
        def make_draws(self, generator, steps):
            return torch.zeros(steps, int(torch.randint(1, 100, (), generator=generator)), dtype=DOUBLE)

    with pytest.raises(ValueError, match="return one shape"):
        instances_of(Uneven(), range(5)).draws.at(0)


def test_the_draws_of_a_finished_tile_are_released():
    """They may be most of its memory, and the garbage collector counts objects and not bytes."""
    instances = instances_of(NOISY, range(3))
    selected = instances.select([2, 0])
    reference = [weakref.ref(each.draws) for each in (instances, selected)]
    assert selected.draws.at(1).shape == (2, 1, 3)
    gc.disable()
    try:
        del instances, selected
        assert [each() for each in reference] == [None, None]
    finally:
        gc.enable()


def test_an_error_while_drawing_a_block_leaves_no_stale_draws():
    """After it, each step still gets the draws of its own block."""
    fails = [True]

    def make(seed, block):
        if block == 1 and fails.pop():
            raise MemoryError
        return torch.arange(DRAW_BLOCK, dtype=torch.float64) + block * DRAW_BLOCK

    blocks = BlockDraws(make, [InstanceSeed(0, "made-up", "evaluation", 0)], lambda draws: draws)
    assert blocks.at(5).item() == 5
    with pytest.raises(MemoryError):
        blocks.at(DRAW_BLOCK)
    assert blocks.at(6).item() == 6
    fails.append(False)
    assert blocks.at(DRAW_BLOCK + 7).item() == DRAW_BLOCK + 7
