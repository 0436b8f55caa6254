"""Rare classes: losses until the frequent class has learned."""

import math

import pytest
import torch

from benchbed_findings.tails import CLASS_RULES, STEPS, _row, class_losses


def test_the_losses_end_where_the_frequent_class_has_learned():
    """At the first step with a fifth of the start's excess loss, which all classes have."""
    losses = class_losses(CLASS_RULES["sign descent"], seed=0)
    assert losses.frequent[0] == pytest.approx(losses.rare[0], rel=1e-12)
    assert losses.frequent[-1] <= losses.frequent[0] / 5 < losses.frequent[-2]
    assert len(losses.rare) == len(losses.frequent)


def test_the_last_loss_is_nan_if_the_goal_is_not_reached():
    """So that the finding does not hold, after too few steps."""
    assert math.isnan(class_losses(CLASS_RULES["gradient descent"], seed=0, steps=2).rare[-1])


def test_a_target_that_is_not_reached_costs_infinitely_many_steps():
    """The relative gap 1 / (1 + t) meets 0.5, 0.2 and 0.1 at the steps 1, 4 and 9; 0.15 + 0.85 / (1 + t) misses 0.1."""
    steps = torch.arange(STEPS[-1] + 1, dtype=torch.float64)
    assert _row(1 / (1 + steps)).endswith("; 1, 4, 9")
    assert _row(0.15 + 0.85 / (1 + steps)).endswith("; 2, 16, ∞")
