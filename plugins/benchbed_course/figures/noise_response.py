"""The response of SGD, RMSProp and Adam to gradients that are noise alone, by simulation."""

from typing import NamedTuple

import numpy as np

from benchbed_course.figures.trials import Trial

LANES = 4_000
"""Independent coordinates: the root mean squares below have standard errors of about 1 %."""
SETTLING = 1_500
"""Steps before the measurement, in which running averages forget their start."""
WINDOW = 500
"""Steps over which the drift is measured; the averages of the rules are much shorter."""


class NoiseResponse(NamedTuple):
    """Root mean squares over independent coordinates."""

    step: float
    """Length of one step."""
    drift: float
    """Distance covered in n steps, divided by √n."""


def noise_response(trial: Trial, noise: float, seed: int = 0) -> NoiseResponse:
    """Simulate a trial's rule on gradients drawn from N(0, noise²), with the trial's hyperparameters.

    The first and the second moment are running averages as in RMSProp (without the first) and Adam; SGD has neither.
    """
    setting = trial.setting
    beta1 = setting.get("beta1", 0.0)
    beta2 = setting.get("beta2", setting.get("decay"))
    generator = np.random.default_rng(seed)
    first, second, position, squares = (np.zeros(LANES) for _ in range(4))
    for t in range(1, SETTLING + WINDOW + 1):
        gradient = noise * generator.standard_normal(LANES)
        first = beta1 * first + (1 - beta1) * gradient
        step = first
        if beta2 is not None:
            second = beta2 * second + (1 - beta2) * gradient**2
            corrected = second / (1 - beta2**t) if "beta2" in setting else second
            step = first / (np.sqrt(corrected) + setting["epsilon"])
        if t > SETTLING:
            position = position + step
            squares = squares + step**2
    rate = setting["learning_rate"]
    step_length = float(rate * np.sqrt(squares.mean() / WINDOW))
    return NoiseResponse(step_length, float(rate * np.sqrt((position**2).mean() / WINDOW)))
