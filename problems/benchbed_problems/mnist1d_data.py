"""MNIST-1D: noisy, shifted and sheared one-dimensional templates of ten digits, generated from a seed."""

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

Array = NDArray[np.float64]
SEED = 42
SAMPLES, TRAINING_SAMPLES = 5_000, 4_000
PADDED_LENGTH, LENGTH = 72, 40
TEMPLATES = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
"""Heights of the ten digits along the single dimension."""


class Signals(NamedTuple):
    """Training and test signals, `[samples, 40]`, with their digits, `[samples]`."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


@functools.lru_cache(maxsize=1)
def generate_signals() -> Signals:
    """Generate 500 signals of each digit and split them four to one.

    Source: Greydanus (2020), Scaling Down Deep Learning with MNIST-1D, arXiv:2011.14439: padding by 36 to 60, scale
    0.4, translation up to 48, correlated noise 0.25, white noise 0.02, shear 0.75, 40 points, seed 42.
    """
    random = RandomState(SEED)
    heights = np.array(TEMPLATES)
    heights = (heights - heights.mean(1, keepdims=True)) / heights.std(1, keepdims=True)
    templates = (heights - heights[:, :1]) / 6
    per_digit = SAMPLES // len(templates)
    signals = np.stack([_distort(template, random) for template in templates for _ in range(per_digit)])
    order = random.permutation(SAMPLES)
    signals = ((signals - signals.mean()) / signals.std())[order]
    digits = np.repeat(np.arange(len(templates)), per_digit)[order]
    x, y = torch.from_numpy(signals), torch.from_numpy(digits)
    return Signals(x[:TRAINING_SAMPLES], y[:TRAINING_SAMPLES], x[TRAINING_SAMPLES:], y[TRAINING_SAMPLES:])


def _distort(template: Array, random: RandomState) -> Array:
    padding = 36 + int(random.rand() * 25)
    # The offset distinguishes heights of 0 from padding, which alone has correlated noise.
    signal = _resample(np.concatenate([template + 1e-8, np.zeros(padding)]), PADDED_LENGTH)
    signal = np.roll(signal * (1 + 0.4 * (random.rand() - 0.5)), random.choice(48))
    noise = gaussian_filter(0.25 * random.randn(PADDED_LENGTH), 2)
    signal = np.where(signal != 0, signal, noise) + 0.02 * random.randn(PADDED_LENGTH)
    slope = 0.75 * (random.rand() - 0.5)
    return _resample(signal - slope * np.linspace(-0.5, 0.5, PADDED_LENGTH), LENGTH)


def _resample(signal: Array, count: int) -> Array:
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(signal)), signal)
