"""label_noise: probabilities and their entropy."""

import pytest
import scipy.stats
import torch

from benchbed_problems.label_noise import check_label_noise, mean_entropy, noisy_labels


def test_the_noise_is_even_over_the_other_classes():
    """0.2 over two others; rows sum to 1."""
    labels = noisy_labels(torch.tensor([2, 0]), 3, 0.2)
    torch.testing.assert_close(labels, torch.tensor([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], dtype=torch.float64))


def test_the_entropy_is_that_of_scipy():
    """Its mean over the samples; 0 for labels without noise."""
    labels = noisy_labels(torch.tensor([0, 1]), 4, 0.3)
    expected = scipy.stats.entropy(labels.numpy(), axis=-1).mean()
    assert mean_entropy(labels).item() == pytest.approx(expected, rel=1e-14)
    assert mean_entropy(noisy_labels(torch.tensor([0, 1]), 4, 0.0)).item() == 0


def test_a_share_of_one_half_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=r"label_noise is 0\.5; must be at least 0 and below 0\.5"):
        check_label_noise(0.5)
