"""The path of shampoo on matrices and vectors."""

import numpy as np
import pytest
import torch

import benchbed
from benchbed.interfaces import Layout
from benchbed.testing import check_optimizer
from benchbed_optimizers.adagrad import adagrad
from benchbed_optimizers.shampoo import shampoo

SETTINGS = [{"learning_rate": 1e-2, "epsilon": 1e-4}, {"learning_rate": 5e-2, "epsilon": 1e-2}]
TOLERANCE = 1e-9
"""A sum with eigenvalues from 10³ to 0 has digits to 10⁻¹³, which is 10⁻⁹ of the smallest epsilon."""


def power_of(matrix, exponent):
    """A power of a symmetric matrix."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(eigenvalues**exponent) @ vectors.T


class NumpyShampoo:
    """Algorithm 1 in NumPy, with roots in every step whose number is a multiple of `frequency`."""

    def __init__(self, matrices, frequency, learning_rate, epsilon):
        self.matrices, self.frequency, self.learning_rate = matrices, frequency, learning_rate
        self.sums = [[epsilon * np.eye(size) for size in matrix.shape] for matrix in matrices]
        self.roots = [None] * len(matrices)
        self.steps = 0

    def zero_grad(self):
        """Forget the gradients."""
        for matrix in self.matrices:
            matrix.grad = None

    def step(self):
        """Move all matrices."""
        for index, matrix in enumerate(self.matrices):
            gradient = matrix.grad.numpy()
            self.sums[index][0] = self.sums[index][0] + gradient @ gradient.T
            self.sums[index][1] = self.sums[index][1] + gradient.T @ gradient
            if self.steps % self.frequency == 0:
                self.roots[index] = [power_of(factor, -0.25) for factor in self.sums[index]]
            left, right = self.roots[index]
            matrix.data -= self.learning_rate * torch.as_tensor(left @ gradient @ right)
        self.steps += 1


def test_the_steps_equal_that_of_the_package(assert_same_steps_on_blocks):
    """On matrices, and that of torch's AdaGrad on vectors."""
    package = pytest.importorskip("pytorch_optimizer")
    assert_same_steps_on_blocks(
        shampoo,
        SETTINGS,
        lambda matrices, others, setting: [
            package.Shampoo(matrices, lr=setting["learning_rate"], matrix_eps=setting["epsilon"]),
            torch.optim.Adagrad(others, lr=setting["learning_rate"]),
        ],
        TOLERANCE,
    )


@pytest.mark.parametrize("frequency", [1, 7])
def test_the_steps_equal_the_recursion_of_the_paper(assert_same_steps_on_blocks, frequency):
    """Also if roots are not computed in every step."""
    assert_same_steps_on_blocks(
        shampoo,
        SETTINGS,
        lambda matrices, others, setting: [
            NumpyShampoo(matrices, frequency, **setting),
            torch.optim.Adagrad(others, lr=setting["learning_rate"]),
        ],
        TOLERANCE,
        frequency=frequency,
    )


def test_it_conforms_at_other_frequencies():
    """That of the default is checked with the other optimizers."""
    check_optimizer(shampoo, frequency=3)


def test_a_frequency_below_one_is_rejected():
    """Because no step would be a multiple of it."""
    with pytest.raises(ValueError, match="frequency is 0; must be at least 1"):
        shampoo(Layout({"weight": (2, 2)}), frequency=0)


def test_without_matrices_it_is_adagrad(quadratic_path):
    """With its own epsilon."""
    alone = shampoo(Layout({"theta": (2,)}), learning_rate=0.05)
    assert torch.equal(quadratic_path(alone, 50), quadratic_path(adagrad(learning_rate=0.05), 50))


@pytest.mark.slow
def test_compiled_steps_equal_eager_ones(tmp_path):
    """On a network in float32; the compiled step calls torch for eigenvectors alone."""
    objectives = []
    for engine in ("compiled", "eager"):
        study = benchbed.run(
            problems=["polynomial-network"], optimizers=["shampoo", "shampoo[frequency=5]"], seeds=2, steps=40,
            tracks=["default"], engine=engine, output=tmp_path / engine, preset="quick",
        )  # fmt: skip
        trials = study.trials.sort_values(["hyperparameters", "seed"])
        assert set(trials["engine"]) == {engine}
        objectives.append(trials["final_objective"].to_numpy())
        if engine == "compiled":
            reason = "requested; tensorwise code that calls aten::_linalg_eigh"
            assert set(trials["engine_reason"]) == {reason}
    np.testing.assert_allclose(*objectives, rtol=1e-3)
