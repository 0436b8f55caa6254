"""zipf-bigram: gradient descent's closed form, and sign descent's independence of the vocabulary."""

import pytest
import torch

from benchbed_problems.zipf_bigram import ZipfBigram


def relative_gap(vocabulary, steps):
    """Return Σ (1/k)(1 − 1/k)^(2t) / Σ 1/k."""
    k = torch.arange(1, vocabulary + 1, dtype=torch.float64)
    return ((1 - 1 / k) ** (2 * steps) / k).sum().item() / (1 / k).sum().item()


@pytest.mark.parametrize(
    ("vocabulary", "gaps", "steps"),
    [
        (100, [0.601348, 0.231790, 0.009361], [2, 13, 27]),
        (300, [0.668745, 0.345908, 0.063210], [4, 29, 67]),
        (1_000, [0.721352, 0.444917, 0.163063], [7, 72, 187]),
    ],
)
def test_the_closed_form_has_the_expected_values(vocabulary, gaps, steps):
    """At steps 1, 10 and 100, and the first step at or below 0.5, 0.2 and 0.1; computed once from the formula."""
    assert [relative_gap(vocabulary, step) for step in (1, 10, 100)] == pytest.approx(gaps, abs=6e-7)
    for target, step in zip((0.5, 0.2, 0.1), steps, strict=True):
        assert relative_gap(vocabulary, step) <= target < relative_gap(vocabulary, step - 1)


@pytest.mark.parametrize("vocabulary", [100, 300])
def test_gradient_descent_follows_the_closed_form_to_rounding(vocabulary):
    """With the rate 1/π₁, for a hundred steps."""
    problem = ZipfBigram(vocabulary=vocabulary)
    data = problem.shared_data()
    theta = problem.make_start(None)
    start = problem.objective(theta, data)
    for step in range(1, 101):
        theta.requires_grad_()
        (gradient,) = torch.autograd.grad(problem.objective(theta, data), theta)
        theta = theta.detach() - gradient / data.frequency[0]
        gap = (problem.objective(theta, data) / start).item()
        assert gap == pytest.approx(relative_gap(vocabulary, step), rel=1e-12)


def test_sign_descent_hardly_depends_on_the_vocabulary():
    """Its relative gap after 100 steps with the best of 200 rates grows less than fourfold from 100 to 1 000 words.

    That of gradient descent grows more than fifteenfold. Rows are equal, so one row stands for all.
    """
    rates = torch.logspace(-4, -1, 200, dtype=torch.float64).unsqueeze(-1)
    gaps = {}
    for vocabulary in (100, 1_000):
        successors = ZipfBigram(vocabulary=vocabulary).shared_data().successors
        row = torch.zeros(len(rates), vocabulary, dtype=torch.float64)
        for _ in range(100):
            row = row - rates * (row - successors).sign()
        gaps[vocabulary] = ((row - successors).square().sum(-1) / successors.square().sum()).min().item()
    assert gaps[1_000] < 4 * gaps[100]
    assert relative_gap(1_000, 100) > 15 * relative_gap(100, 100)


def test_one_word_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="vocabulary is 1; must be at least 2 words"):
        ZipfBigram(vocabulary=1)
