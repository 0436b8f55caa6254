"""Findings about means: three standard errors, and 95 % intervals."""

import math

import pytest
import torch

from benchbed_findings.record import Mean, mean_of, near, near_means


def test_a_mean_has_the_standard_error_of_its_values():
    """s/√n, of the numbers 1 to 4: √(5/3)/2."""
    mean = mean_of(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    assert mean.value == 2.5
    assert mean.standard_error == pytest.approx(math.sqrt(5 / 3) / 2)
    assert mean.interval[1] - mean.interval[0] == pytest.approx(2 * 1.96 * mean.standard_error)


@pytest.mark.parametrize(
    ("value", "standard_error", "agrees"),
    [
        (1.29, 0.1, True),
        (1.31, 0.1, False),
        (1.0, 0.0, True),
        (1.0 + 1e-9, 0.0, False),
        (math.nan, 0.1, False),
    ],
)
def test_a_mean_agrees_within_three_standard_errors(value, standard_error, agrees):
    """Or up to rounding, where the simulation has no noise."""
    assert Mean(value, standard_error).agrees_with(1.0) is agrees


def test_one_mean_that_disagrees_is_enough_to_fail():
    """The measured values have their intervals."""
    finding = near_means("two", [1.0, 2.0], [Mean(1.0, 0.1), Mean(2.5, 0.1)], "Gauss (1809)")
    assert not finding.holds
    assert (finding.expected, finding.measured) == ("1, 2", "1 [0.804, 1.196], 2.5 [2.304, 2.696]")


@pytest.mark.parametrize(("measured", "holds"), [(0.1009, True), (0.1011, False), (math.nan, False)])
def test_a_value_holds_within_its_tolerance(measured, holds):
    """The expected value names the tolerance."""
    finding = near("first step", 0.1, measured, 1e-3, "Kingma & Ba (2015)")
    assert finding.holds is holds
    assert finding.expected == "0.1 ± 1e-03"
