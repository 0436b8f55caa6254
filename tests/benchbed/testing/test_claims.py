"""Claims name the rules of the contract, check one each, and become tests of pytest."""

from typing import NamedTuple

import pytest
import torch

from benchbed.interfaces import Optimizer
from benchbed.testing import (
    OPTIMIZER_CHECKS,
    ConformanceError,
    optimizer_claims,
    parametrize_claims,
    problem_claims,
    transform_claims,
    wrapper_claims,
)
from benchbed_optimizers.adam import adam
from benchbed_optimizers.wrappers.clipping import clip
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.transforms.rotation import Rotated


class NoState(NamedTuple):
    pass


def norm_over_trials(learning_rate=0.01):
    """Forget the dimension of a norm, which then is that of all trials together."""

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient / oracle.gradient.norm(), state

    return Optimizer(init=lambda theta: NoState(), update=update)


@parametrize_claims(
    optimizer_claims(adam, learning_rate=0.1),
    problem_claims(Quadratic()),
    wrapper_claims(clip),
    transform_claims(Rotated),
)
def test_built_in_plugins_keep_their_claims(claim):
    """The decorator runs one test a claim, for every kind of plugin."""
    claim()


def test_the_decorator_names_one_test_for_each_claim():
    """The identifier of a test is the plugin with the rule, as `pytest -k adam-lane-counts` selects it."""
    mark = parametrize_claims(optimizer_claims(adam), problem_claims(Quadratic())).mark
    identifiers = [mark.kwargs["ids"](claim) for claim in mark.args[1]]
    assert len(identifiers) == len(set(identifiers)) == len(mark.args[1])
    assert {"adam-lane-counts", "Quadratic-gradient"} < set(identifiers)


def test_a_broken_rule_fails_its_own_claims_alone():
    """A norm over all trials depends on their number, and breaks no other rule."""
    claims = optimizer_claims(norm_over_trials)
    failures = {}
    for claim in claims:
        try:
            claim()
        except ConformanceError as error:
            failures[claim.name] = str(error)
    assert set(failures) == {"lane-counts", "single-trial"}
    assert len(claims) == len(OPTIMIZER_CHECKS)
    assert failures["lane-counts"].startswith("norm_over_trials: one update of fewer lanes: ")


def test_a_claim_has_a_sentence():
    """It is a clause without a full stop, for a table of claims."""
    claims = [*optimizer_claims(adam), *problem_claims(Quadratic()), *transform_claims(Rotated)]
    for claim in claims:
        assert claim.sentence[0].islower() or claim.sentence.startswith("`"), claim.sentence
        assert not claim.sentence.endswith("."), claim.sentence
        assert ", and that " not in claim.sentence, claim.sentence


def test_stateful_optimizers_have_fewer_claims():
    """Classes of torch run one trial at a time, so that nothing is claimed about lanes."""
    names = [claim.name for claim in optimizer_claims(torch.optim.NAdam)]
    assert names == ["answer", "determinism"]


def test_the_claims_of_a_problem_without_instances_raise():
    """A wrong start leaves nothing to check."""

    class Short(Quadratic):
        def make_start(self, generator):
            return torch.zeros(1, dtype=torch.float64)

    with pytest.raises(ConformanceError, match="Short"):
        problem_claims(Short())
