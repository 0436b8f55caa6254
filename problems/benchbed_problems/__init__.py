"""The built-in problems, one file each, and the suites of the presets."""

from collections.abc import Callable
from pathlib import Path

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Problem, Transform
from benchbed_problems.associative_memory import AssociativeMemory
from benchbed_problems.beale import Beale
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.digits_mlp import DigitsMlp
from benchbed_problems.imbalanced_softmax import ImbalancedSoftmax
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.logistic_regression import LogisticRegression
from benchbed_problems.markov_transformer import MarkovTransformer
from benchbed_problems.matrix_sensing import MatrixSensing
from benchbed_problems.mnist1d import Mnist1d
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.phase_retrieval import PhaseRetrieval
from benchbed_problems.poisson_pinn import PoissonPinn
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.runge import Runge
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.softmax_regression import SoftmaxRegression
from benchbed_problems.sparse_parity import SparseParity
from benchbed_problems.toy_mean import ToyMean
from benchbed_problems.transforms.noise import Noisy
from benchbed_problems.transforms.quantization import Quantized
from benchbed_problems.transforms.rotation import Rotated
from benchbed_problems.transforms.scaling import Rescaled
from benchbed_problems.transforms.shift import Shifted
from benchbed_problems.triangles import Triangles
from benchbed_problems.weighted_quartic import WeightedQuartic
from benchbed_problems.zipf_bigram import ZipfBigram

TRANSFORMS: tuple[Transform, ...] = (Rotated, Rescaled, Shifted, Noisy, Quantized)
PRESETS = ("quick", "standard", "full")
GROUPS = ("geometry", "noise", "tails", "spectrum", "networks", "classic")
OPTIMIZERS = ("modern", "schedules")


@hookimpl
def register_problems(register: Callable[[type[Problem]], None]) -> None:
    """Register the problems of the course, the simplest first, and then those that isolate a mechanism."""
    problems: tuple[type[Problem], ...] = (
        LinearRegression,
        ToyMean,
        Quadratic,
        Quartic,
        WeightedQuartic,
        Runge,
        ShallowNetwork,
        Triangles,
        PolynomialNetwork,
        NoisyQuadratic,
        BlockQuadratic,
        Rosenbrock,
        Beale,
        ZipfBigram,
        ImbalancedSoftmax,
        MatrixSensing,
        AssociativeMemory,
        PhaseRetrieval,
        LogisticRegression,
        SoftmaxRegression,
        DigitsMlp,
        Mnist1d,
        SparseParity,
        MarkovTransformer,
        PoissonPinn,
    )
    for problem in problems:
        register(problem)


@hookimpl
def register_transforms(register: Callable[[Transform], None]) -> None:
    """Register the transforms of coordinates, and then those of gradients."""
    for transform in TRANSFORMS:
        register(transform)


@hookimpl
def register_suites(register: Callable[[Path], None]) -> None:
    """Register the suites of the presets, those of the groups, and those that compare optimizers of a kind."""
    folder = Path(__file__).parent / "suites"
    for name in (*PRESETS, *GROUPS, *OPTIMIZERS):
        register(folder / f"{name}.toml")
