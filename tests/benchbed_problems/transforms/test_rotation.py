"""`rotated(…)` has the law of a rotated problem, and the instances of the original one."""

import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.engine.evaluation import measure_objective
from benchbed.engine.sampling import Instances
from benchbed.seeds import InstanceSeed
from benchbed.testing import check_problem
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.markov_transformer import MarkovTransformer
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.transforms.rotation import Rotated
from benchbed_problems.zipf_bigram import ZipfBigram

CATALOG = load_catalog()


def instances_of(name, count=3, **parameters):
    """Build instances of a registered problem, as a study has them."""
    problem = CATALOG.problem(name, parameters)
    return Instances(problem, [InstanceSeed(0, name, "evaluation", number) for number in range(count)])


@pytest.mark.parametrize(
    "problem",
    [
        Rotated(Quadratic(dimension=3)),
        Rotated(Quadratic(dimension=3, gradient_noise=0.1), seed=1),
        Rotated(BlockQuadratic(), within="blocks"),
        Rotated(NoisyQuadratic(dimension=5)),
        Rotated(Quartic()),
        Rotated(ZipfBigram(vocabulary=17)),
    ],
    ids=repr,
)
def test_it_conforms(problem):
    """With data of each instance, shared data, noise and blocks."""
    check_problem(problem)


def test_instances_are_those_of_the_original_problem():
    """Start, optimum and minimizer have the same objectives, and equal distances."""
    original, rotated = (instances_of(name, dimension=4) for name in ("quadratic", "rotated(quadratic)"))
    assert not torch.allclose(original.start, rotated.start)
    losses = [measure_objective(each, each.start[:, None]) for each in (original, rotated)]
    assert torch.allclose(*losses, rtol=1e-12)
    assert torch.equal(original.optimum(), rotated.optimum())
    at_minimizer = measure_objective(rotated, rotated.problem.minimizer(rotated.exact_data).expand(3, 1, 4))
    assert at_minimizer.abs().max() < 1e-24


def test_the_law_is_that_of_a_rotated_quadratic():
    """The Hessian's corner q₁₁² + 100 q₂₁² has mean 50.5 and variance 99²/8 over the rotations of the plane."""
    count = 2_000
    corners = []
    for name, parameters in (("rotated(quadratic)", {}), ("quadratic", {"rotated": True})):
        instances = instances_of(name, count, **parameters)
        unit = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(count, 1, 2)
        corners.append(2 * measure_objective(instances, unit).flatten())
    for corner in corners:
        assert abs(corner.mean() - 50.5) < 4 * (99**2 / 8 / count) ** 0.5
        assert abs(corner.var() / (99**2 / 8) - 1) < 0.1
    distance = (corners[0].sort().values - corners[1].sort().values).abs().mean()
    assert distance < 3  # of two samples of one law; the standard deviation is 35


def test_a_seed_is_one_rotation_for_all():
    """Two seeds are two rotations."""
    first, second = (Rotated(Quadratic(dimension=3), seed=seed).shared_data().own[0] for seed in (1, 2))
    assert not torch.allclose(first, second)
    assert torch.allclose(first @ first.T, torch.eye(3, dtype=torch.float64), atol=1e-14)
    assert Rotated(Quadratic(dimension=3)).shared_data() is None


def test_many_coordinates_share_one_rotation():
    """A network has one rotation, and its data set is not copied for each instance."""
    assert Rotated(Quadratic(dimension=257)).shared_data() is not None


def test_too_many_coordinates_are_rejected():
    """Their matrix would not fit; rotations of blocks may."""
    transformer = MarkovTransformer()
    with pytest.raises(
        ValueError, match="of 11200 coordinates exceeds the limit of 4096; write within=blocks"
    ):
        Rotated(transformer)
    assert Rotated(transformer, within="blocks").layout == transformer.layout
    for within in ("all", "blocks"):
        with pytest.raises(ValueError, match="choose a smaller problem"):
            Rotated(Quadratic(dimension=5_000), within=within)


def test_blocks_are_rotated_in_themselves():
    """A point that differs in one block differs in this block of the original problem."""
    problem = Rotated(BlockQuadratic(), within="blocks", seed=0)
    own = problem.shared_own()
    point = torch.zeros(90, dtype=torch.float64)
    point[30:60] = 1.0
    original = problem.to_original(point, own)
    assert original[:30].abs().max() == original[60:].abs().max() == 0
    assert original.norm() == pytest.approx(30**0.5)
    assert torch.allclose(problem.from_original(original, own), point, atol=1e-14)
