"""The path of soap on matrices and vectors."""

import numpy as np
import pytest
import torch

import benchbed
from benchbed.interfaces import Layout
from benchbed.testing import check_optimizer
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.matrix_blocks import MatrixBlocks, flatten
from benchbed_optimizers.soap import soap

DEFAULTS = {"learning_rate": 3e-3, "beta1": 0.95, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 1e-2}
SETTINGS = [
    DEFAULTS,
    {"learning_rate": 1e-2, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "weight_decay": 0.0},
]
TOLERANCE, OF_DIGITS = 1e-9, 1e-5
"""A basis has half of the digits of its type in directions without gradients, because of its shift.

The largest difference of a step on `digits-mlp`, which has many of them, is 2e-7. Paths are compared step by step: such
a difference can change the sign of an input of ReLU, and a path of 200 steps amplifies that to 0.3.
"""
SHIFT = np.finfo(float).eps ** 0.5


def next_basis(statistic, basis):
    """Algorithm 4, with the shift."""
    shifted = statistic + SHIFT * np.trace(statistic) / len(statistic) * np.eye(len(statistic))
    return np.linalg.qr(shifted @ basis)[0]


class NumpySoap:
    """Algorithm 3 in NumPy, and Adam's corrections and decoupled weight decay."""

    def __init__(self, matrices, frequency, learning_rate, beta1, beta2, epsilon, weight_decay):
        self.matrices, self.frequency = matrices, frequency
        self.learning_rate, self.epsilon, self.weight_decay = learning_rate, epsilon, weight_decay
        self.beta1, self.beta2 = beta1, beta2
        self.states = [
            (np.zeros(matrix.shape), np.zeros(matrix.shape),
             *(np.zeros((size, size)) for size in matrix.shape), *(np.eye(size) for size in matrix.shape))
            for matrix in matrices
        ]  # fmt: skip
        self.steps = 0

    def zero_grad(self):
        """Forget the gradients."""
        for matrix in self.matrices:
            matrix.grad = None

    def step(self):
        """Move all matrices."""
        beta1, beta2 = self.beta1, self.beta2
        for index, matrix in enumerate(self.matrices):
            m, v, left, right, basis1, basis2 = self.states[index]
            weights, g = matrix.detach().numpy(), matrix.grad.numpy()
            rotated = basis1.T @ g @ basis2
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * rotated**2
            v_hat = v / (1 - beta2 ** (self.steps + 1))
            direction = basis1.T @ m @ basis2 / (1 - beta1 ** (self.steps + 1))
            step = basis1 @ (direction / (np.sqrt(v_hat) + self.epsilon)) @ basis2.T
            matrix.data = torch.as_tensor(weights - self.learning_rate * (step + self.weight_decay * weights))
            left, right = beta2 * left + (1 - beta2) * g @ g.T, beta2 * right + (1 - beta2) * g.T @ g
            if self.steps % self.frequency == 0:
                basis1, basis2 = next_basis(left, basis1), next_basis(right, basis2)
            self.states[index] = (m, v, left, right, basis1, basis2)
        self.steps += 1


@pytest.mark.parametrize("frequency", [1, 10])
def test_the_steps_equal_the_recursion_of_the_paper(assert_same_steps_on_blocks, frequency):
    """On matrices, and that of torch's AdamW on vectors."""
    assert_same_steps_on_blocks(
        soap,
        SETTINGS,
        lambda matrices, others, setting: [
            NumpySoap(matrices, frequency, **setting),
            torch.optim.AdamW(
                others, lr=setting["learning_rate"], betas=(setting["beta1"], setting["beta2"]),
                eps=setting["epsilon"], weight_decay=setting["weight_decay"],
            ),
        ],
        TOLERANCE,
        OF_DIGITS,
        frequency=frequency,
    )  # fmt: skip


def test_the_steps_equal_that_of_the_package(assert_same_steps_on_blocks):
    """With these bases and this place of epsilon in place of its own, and without the first step, which it skips."""
    package = pytest.importorskip("pytorch_optimizer")

    class WithTheseBases(package.SOAP):
        def step(self, closure=None):
            (group,) = self.param_groups
            group["eps"] = group["epsilon"] * (1 - group["betas"][1] ** group.get("step", 0)) ** 0.5
            return super().step(closure)

        @staticmethod
        def get_orthogonal_matrix(mat):
            return [
                torch.eye(len(statistic), dtype=torch.float64) if len(statistic) else [] for statistic in mat
            ]

        def get_orthogonal_matrix_qr(self, state, *options):
            pairs = zip(state["GG"], state["Q"], strict=True)
            return [torch.as_tensor(next_basis(p.numpy(), q.numpy())) if len(p) else [] for p, q in pairs]

    def make(matrices, others, setting):
        parameters = [*matrices, *others]
        optimizer = WithTheseBases(
            parameters, lr=setting["learning_rate"], betas=(setting["beta1"], setting["beta2"]),
            weight_decay=0.0, precondition_frequency=1,
        )  # fmt: skip
        optimizer.param_groups[0]["epsilon"] = setting["epsilon"]
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        return [optimizer]

    settings = [{**setting, "weight_decay": 0.0} for setting in SETTINGS]
    assert_same_steps_on_blocks(soap, settings, make, TOLERANCE, OF_DIGITS, frequency=1)


def test_signs_of_eigenvectors_do_not_matter(oracle_of):
    """Libraries may choose them: a state with other signs takes the same path."""
    layout = Layout({"weight": (4, 3), "bias": (2,)})
    optimizer, generator = soap(layout, learning_rate=0.1, frequency=3), torch.Generator().manual_seed(2)
    gradients = torch.randn(12, layout.dimension, generator=generator, dtype=torch.float64)

    def run(theta, state, start, stop):
        for number in range(start, stop):
            oracle = oracle_of(gradients[number])
            oracle.step = torch.full((1,), number, dtype=torch.float64)
            theta, state = optimizer.update(oracle, state, theta)
        return theta, state

    theta = torch.zeros(layout.dimension, dtype=torch.float64)
    theta, state = run(theta, optimizer.init(theta), 0, 5)
    blocks = MatrixBlocks(layout)
    signs = torch.tensor([-1.0, 1.0, -1.0, 1.0], dtype=torch.float64)
    bases = flatten(basis * signs[: len(basis)] for pair in blocks.factors(state.bases) for basis in pair)
    assert not torch.equal(bases, state.bases)
    other, _ = run(theta, state._replace(bases=bases), 5, 12)
    torch.testing.assert_close(other, run(theta, state, 5, 12)[0], rtol=1e-12, atol=1e-12)


def test_it_conforms_at_other_frequencies():
    """That of the default is checked with the other optimizers."""
    check_optimizer(soap, frequency=1)


def test_without_matrices_it_is_adamw(quadratic_path):
    """With its own defaults."""
    alone = soap(Layout({"theta": (2,)}))
    assert torch.equal(quadratic_path(alone, 50), quadratic_path(adamw(*DEFAULTS.values()), 50))


@pytest.mark.slow
def test_compiled_steps_equal_eager_ones(tmp_path):
    """On a network in float32; the compiled step calls torch for the QR decomposition alone."""
    objectives = []
    for engine in ("compiled", "eager"):
        study = benchbed.run(
            problems=["polynomial-network"], optimizers=["soap", "soap[frequency=1]"], seeds=2, steps=40,
            tracks=["default"], engine=engine, output=tmp_path / engine, preset="quick",
        )  # fmt: skip
        trials = study.trials.sort_values(["hyperparameters", "seed"])
        assert set(trials["engine"]) == {engine}
        objectives.append(trials["final_objective"].to_numpy())
        if engine == "compiled":
            reason = "requested; tensorwise code that calls aten::linalg_qr"
            assert set(trials["engine_reason"]) == {reason}
    np.testing.assert_allclose(*objectives, rtol=1e-3)
