"""The response of the rules to noise: closed forms for SGD and Adam, and the registered optimizers themselves."""

import math

import pytest

from benchbed_course.figures.noise_response import noise_response
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow

NOISE = 4.0


@pytest.fixture(scope="module")
def trials(study_of):
    """One trial of each optimizer of the comparison."""
    study = study_of("course-weighted-quartic", steps=2, seeds=1, engine="eager")
    return {trial.name: trial for trial in trials_of(study)}


def test_a_step_of_sgd_is_the_noise(trials):
    """Length ησ; independent steps add up like √n."""
    response = noise_response(trials["sgd"], NOISE)
    assert response.step == pytest.approx(0.01 * NOISE, rel=0.01)
    assert response.drift == pytest.approx(0.01 * NOISE, rel=0.05)


def test_a_step_of_adam_is_an_average(trials):
    """√((1 − β₁)/(1 + β₁)) η, as v̂ is nearly σ²; over many steps the average cancels, and the drift is η."""
    response = noise_response(trials["adam"], NOISE)
    assert response.step == pytest.approx(0.01 * math.sqrt(0.1 / 1.9), rel=0.02)
    assert response.drift == pytest.approx(0.01, rel=0.05)


def test_the_courses_ratios(trials):
    """A step of Adam is 17.4 times shorter than one of SGD, one of RMSProp 4.2 times."""
    sgd, rmsprop, adam = (noise_response(trials[name], NOISE).step for name in ("sgd", "rmsprop", "adam"))
    assert sgd / adam == pytest.approx(4 * math.sqrt(19), rel=0.02)
    assert sgd / rmsprop == pytest.approx(4.2, abs=0.1)
