"""markov-transformer: the chain, its entropy rate, and the causality of the network."""

import math

import pytest
import torch

from benchbed_problems.markov_transformer import MarkovTransformer


def test_the_stationary_distribution_is_kept_by_the_chain():
    """π P = π, and Σ π = 1."""
    problem = MarkovTransformer()
    torch.testing.assert_close(problem.stationary @ problem.transitions, problem.stationary)
    assert problem.stationary.sum().item() == pytest.approx(1, rel=1e-12)


def test_the_sequences_follow_the_chain():
    """Pairs of 34 000 states occur as often as the chain says, within five standard errors of each."""
    problem = MarkovTransformer()
    (x, y), _ = problem.make_data()
    counts = torch.bincount(32 * x.flatten() + y.flatten(), minlength=32 * 32).view(32, 32)
    expected = problem.stationary.unsqueeze(-1) * problem.transitions * x.numel()
    assert ((counts - expected).abs() < 5 * expected.sqrt() + 3).all()


def test_the_true_chain_attains_the_entropy_rate():
    """The cross entropy of the transition matrix on the validation data, within four standard errors (0.07)."""
    problem = MarkovTransformer()
    _, (x, y) = problem.make_data()
    logits = problem.transitions.log()[x].transpose(-2, -1)
    assert problem.loss_of(logits, y).item() == pytest.approx(problem.entropy_rate, abs=0.07)
    assert problem.entropy_rate < problem.targets[-1] < problem.targets[0] < math.log(32)


def test_the_network_does_not_look_ahead():
    """Logits of a position do not change with the states behind it."""
    problem = MarkovTransformer()
    with torch.random.fork_rng(devices=[]):
        network = problem.make_network().eval()
    words = torch.arange(16).unsqueeze(0)
    changed = words.clone()
    changed[0, 10:] = 31
    with torch.no_grad():
        before, after = network(words), network(changed)
    torch.testing.assert_close(before[..., :10], after[..., :10])
    assert (before[..., 10:] - after[..., 10:]).abs().max() > 1e-3
