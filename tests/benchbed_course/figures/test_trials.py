"""The choice of a trial to show for many."""

import numpy as np
import pytest

from benchbed_course.figures.trials import trials_of, typical

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trial(study_of):
    """Any trial."""
    return trials_of(study_of("course-rmsprop", steps=2))[0]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 3.0, 2.0], 2.0), ([np.nan, 5.0, 6.0], 6.0), ([7.0], 7.0)],
)
def test_the_typical_trial_has_the_lower_median_loss(trial, losses, expected):
    """At the end; NaN ranks last."""
    assert typical([trial._replace(loss=np.array([0.0, loss])) for loss in losses]).loss[-1] == expected
