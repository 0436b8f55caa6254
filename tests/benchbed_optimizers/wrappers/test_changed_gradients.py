"""Wrappers that change gradients reject rules whose step lengths come from gradients."""

import pytest

import benchbed
from benchbed.errors import UsageError
from benchbed_optimizers.adam import adam
from benchbed_optimizers.lbfgs import lbfgs
from benchbed_optimizers.wrappers.averaging import lookahead
from benchbed_optimizers.wrappers.changed_gradients import require_changeable_gradients

CHANGING = ("clip", "clip-value", "sam", "delayed")


@pytest.mark.parametrize("rule", ["lbfgs", "barzilai-borwein", "polyak"])
@pytest.mark.parametrize("wrapper", CHANGING)
def test_a_rule_with_lengths_from_gradients_is_rejected(wrapper, rule):
    """A difference of clipped gradients is no curvature: the steps of `clip(barzilai-borwein)` grew without bound."""
    with pytest.raises(UsageError) as raised:
        benchbed.minimize(lambda theta: theta.square().sum(), [3.0, 1.0], f"{wrapper}({rule})", steps=20)
    assert str(raised.value) == (
        f"{wrapper}({rule}): it changes gradients, from which its optimizer computes the lengths of its steps; wrap a "
        "rule whose lengths come from the learning rate, such as adam"
    )


def test_the_need_stays_below_other_wrappers():
    """Such as averages, which change no gradient."""
    with pytest.raises(ValueError, match="it changes gradients"):
        require_changeable_gradients(lookahead(lbfgs()))
    require_changeable_gradients(lookahead(adam()))


@pytest.mark.parametrize("wrapper", CHANGING)
def test_other_rules_are_wrapped(wrapper):
    """As before."""
    minimum = benchbed.minimize(lambda theta: theta.square().sum(), [3.0, 1.0], f"{wrapper}(adam)", steps=20)
    assert minimum.loss < 10
