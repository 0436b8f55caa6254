"""Tests of shards: every pairing is in exactly one of them, and their work is balanced."""

from collections import Counter

import msgspec
import pytest

from benchbed.errors import UsageError
from benchbed.plan import Shard, parse_shard


@pytest.fixture
def plan(plan_of):
    """Return a plan of 15 pairings, five on each problem."""
    return plan_of(
        problems=("quadratic", "quartic", "polynomial-network"),
        optimizers=("gd", "momentum", "adam", "lion", "signsgd"),
    )


def labels_of(plan):
    return [(pairing.problem.label, pairing.entrants[0].label) for pairing in plan.pairings()]


def test_every_pairing_is_in_one_shard(plan):
    """Whatever their number, the shards together contain each pairing once."""
    for count in range(1, 16):
        shards = [labels_of(plan.of_shard(Shard(number, count))) for number in range(1, count + 1)]
        assert Counter(label for shard in shards for label in shard) == Counter(labels_of(plan))


def test_shards_have_equal_numbers_of_pairings_of_each_problem(plan):
    """They differ most in their time; the full gradients of `gd` cost as much as the calls that they replace."""
    for count in range(1, 16):
        shards = [labels_of(plan.of_shard(Shard(number, count))) for number in range(1, count + 1)]
        for problem in plan.problems:
            numbers = [sum(label == problem.label for label, _ in shard) for shard in shards]
            assert max(numbers) - min(numbers) <= 1


def test_the_sums_of_work_differ_by_at_most_one_pairing(plan):
    """The largest pairing bounds the imbalance."""
    largest = max(pairing.work.amount for pairing in plan.pairings())
    for count in range(1, 16):
        sums = [
            sum(pairing.work.amount for pairing in plan.of_shard(Shard(number, count)).pairings())
            for number in range(1, count + 1)
        ]
        assert max(sums) - min(sums) <= largest


def test_a_shard_of_a_single_track_has_the_same_pairings(plan):
    """`benchbed plan` estimates the cost of each track."""
    shard = plan.of_shard(Shard(2, 4))
    assert labels_of(msgspec.structs.replace(shard, tracks=("tuned",))) == labels_of(shard)


def test_settings_of_one_optimizer_stay_together(plan_of):
    """They share trials, so they are one pairing."""
    plan = plan_of(optimizers=("adam[learning_rate=0.1]", "adam[learning_rate=0.2]", "gd"))
    shards = [plan.of_shard(Shard(number, 2)).pairings() for number in (1, 2)]
    assert sorted(len(pairing.entrants) for shard in shards for pairing in shard) == [1, 2]


def test_an_empty_shard_is_rejected(plan_of):
    """The message contains the largest number of shards."""
    with pytest.raises(
        UsageError, match=r"2/2 is empty, because the study has 1 pairing .* at most 1 shard$"
    ):
        plan_of().of_shard(Shard(2, 2))


def test_a_shard_is_parsed():
    """Its text is the same again."""
    assert parse_shard("3/16") == Shard(3, 16)
    assert str(Shard(3, 16)) == "3/16"


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/4/2", " 1/4", "1.0/4", "1/100001", "1/9999999"]
)
def test_other_texts_are_not_shards(text):
    """The message contains the text and an example."""
    with pytest.raises(UsageError, match=r"shard is .*; write .* such as 3/16"):
        parse_shard(text)
