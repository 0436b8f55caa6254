"""digits-mlp: size, loss and accuracy."""

import pytest
import torch

from benchbed_problems.digits_mlp import DigitsMlp

pytest.importorskip("sklearn")


def test_the_network_has_2410_parameters():
    """64 → 32 → 10: 2 080 + 330."""
    assert DigitsMlp().layout.dimension == 2_410


def test_a_zero_network_guesses():
    """Its loss is log 10, and it always answers 0, the class of about a tenth of the images."""
    problem = DigitsMlp()
    data, theta = problem.shared_data(), torch.zeros(2_410)
    assert problem.objective(theta, data).item() == pytest.approx(2.302585, rel=1e-5)
    assert problem.metrics["validation-accuracy"](theta, data).item() == pytest.approx(0.1, abs=0.05)
