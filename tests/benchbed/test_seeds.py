"""Seeds are hashes: the same on every machine, different for every difference."""

import hashlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.seeds import INSTANCES, InstanceSeed, digest, digests

# The same examples in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)

BASE = InstanceSeed(0, "quadratic", "evaluation", 3)


def test_a_digest_is_sha256_of_compact_json():
    """32 digits of SHA-256 over JSON without blanks and with sorted keys, so that other tools can check a key."""
    values = ["1", 2, {"b": 0.1, "a": None}]
    text = '["1",2,{"a":null,"b":0.1}]'
    assert json.loads(text) == values
    assert digest(*values) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_digests_of_many_numbers_are_those_of_each():
    """The values before the number are hashed once."""
    before, after = ["1", {"b": 0.1}, ["x"]], [1000, None, "float64"]
    numbers = [0, 1, 10, 2**40]
    assert digests(before, numbers, after) == [digest(*before, number, *after) for number in numbers]
    assert digests(before, [], after) == []


def test_a_digest_does_not_depend_on_the_order_of_keys():
    """Hyperparameters are named, not ordered."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_seeds_are_stable():
    """Seeds of a published study must not change: this number was computed by hand from the definition."""
    text = f'["{INSTANCES}",0,"quadratic","evaluation",3,"start",0]'
    expected = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) >> 1
    assert BASE.generator_seed("start") == expected == 4551174679080725612


def test_every_component_changes_the_seed():
    """Study seed, problem, role, index, purpose and block."""
    seeds = {
        BASE.generator_seed("start"),
        BASE._replace(study_seed=1).generator_seed("start"),
        BASE._replace(problem="quartic").generator_seed("start"),
        BASE._replace(role="tuning").generator_seed("start"),
        BASE._replace(role="scale").generator_seed("start"),
        InstanceSeed(0, "quadratic", "evaluation", 4).generator_seed("start"),
        BASE.generator_seed("data"),
        BASE.generator_seed("draws"),
        BASE.generator_seed("draws", 1),
    }
    assert len(seeds) == 9


@UNTIMED
@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_seed_fits_a_generator(study_seed, problem, index, block):
    """torch accepts seeds of 63 bits on every platform."""
    seed = InstanceSeed(study_seed, problem, "tuning", index).generator_seed("draws", block)
    assert 0 <= seed < 2**63


@UNTIMED
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_adjacent_numbers_are_separated(study_seed, index):
    """Study seed 1 with index 23 differs from study seed 12 with index 3."""
    first = InstanceSeed(study_seed, "p", "tuning", index).generator_seed("start")
    second = InstanceSeed(index, "p", "tuning", study_seed).generator_seed("start")
    assert (first == second) == (study_seed == index)
