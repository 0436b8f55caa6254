"""Python code that reads numbers of all trials is rejected with its line; reads that mix no trials are allowed."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, zeros_like

from benchbed.engine.independence import check_independence
from benchbed.errors import ContractError
from benchbed.interfaces import FunctionProblem, Layout, Optimizer, Problem
from benchbed_problems.quadratic import Quadratic


class Running(NamedTuple):
    """A mean of gradients, and a count of steps."""

    mean: Tensor
    steps: Tensor


def rule_of(change):
    """Return the factory of gradient descent along `change(gradient, oracle, state, theta, learning_rate)`."""

    def rule(learning_rate=0.01):
        def init(theta):
            return Running(zeros_like(theta), zeros_like(theta[..., :1]))

        def update(oracle, state, theta):
            direction = change(oracle.gradient, oracle, state, theta, learning_rate)
            mean = 0.9 * state.mean + oracle.gradient
            return theta - learning_rate * direction, Running(mean, state.steps + 1)

        return Optimizer(init=init, update=update)

    return rule


class ExplosionError(Exception):
    """An exception of a rule that guards its steps."""


def guard(gradient):
    """Raise where any gradient is not finite."""
    if not gradient.isfinite().all():
        raise ExplosionError
    return gradient


HUGE = 1e6  # larger than all numbers of the check
READING = {
    "norm": lambda g, o, s, t, r: g / g.norm(dim=-1, keepdim=True) if g.norm() > HUGE else g,
    "any": lambda g, o, s, t, r: 0 * g if (g > HUGE).any() else g,
    "guard": lambda g, o, s, t, r: guard(g),
    "item": lambda g, o, s, t, r: g * min(1.0, HUGE / g.abs().max().item()),
    "list": lambda g, o, s, t, r: g * min(1.0, HUGE / max(g.flatten().tolist())),
    "float": lambda g, o, s, t, r: g * min(1.0, HUGE / float(g.detach().clone().square().sum())),
    "int": lambda g, o, s, t, r: g * max(1, int(o.loss.max() - HUGE)),
    "equal": lambda g, o, s, t, r: 0 * g if torch.equal(g, t) else g,
    "loss": lambda g, o, s, t, r: 0 * g if o.loss.max() > HUGE else g,
    "further": lambda g, o, s, t, r: 0 * g if o.at(t - r * g)[0].max() > HUGE else g,
    "theta": lambda g, o, s, t, r: 0 * g if t[0, 0, 0] > HUGE else g,
    "state": lambda g, o, s, t, r: 0 * g if s.mean.max() > HUGE else g,
    "in place": lambda g, o, s, t, r: 0 * g if zeros_like(g).copy_(g).sum() > HUGE else g,
    "after some steps": lambda g, o, s, t, r: 0 * g if s.steps.max() > 100 and g.norm() > HUGE else g,
}
HARMLESS = {
    "count": lambda g, o, s, t, r: 0 * g if s.steps.max() > 100 else g,
    "hyperparameter": lambda g, o, s, t, r: 0 * g if torch.as_tensor(r).min() < 0 else g,
    "constant": lambda g, o, s, t, r: g * float(torch.ones_like(g).mean()),
    "mask": lambda g, o, s, t, r: (
        g.clone().masked_fill_(g > HUGE, 0).index_put_((g < -HUGE,), g.new_zeros(()))
    ),
    "argument check of torch": lambda g, o, s, t, r: (
        g + 0 * torch.distributions.Normal(t, g.abs() + 1).log_prob(g)
    ),
    "print": lambda g, o, s, t, r: g * len(f"{g.sum()}") ** 0,
    "shape": lambda g, o, s, t, r: g * (1 if g.shape[-1] else 0),
}


def check(make_batch, factory, problem=None, **fields):
    check_independence(
        make_batch(problem or Quadratic(), factory, seeds=2, learning_rate=[0.1, 0.2], **fields)
    )


@pytest.mark.parametrize("name", READING)
def test_a_rule_that_reads_numbers_of_all_trials_is_rejected(name, make_batch):
    """Where the number decides nothing at the points of the check, too; the sentence has the line and the remedy."""
    code = guard.__code__ if name == "guard" else READING[name].__code__
    line = code.co_firstlineno + 2 * (name == "guard")
    with pytest.raises(
        ContractError, match=rf"mixes trials: .* \(.*test_trial_reads.py:{line}\); .*torch\.where"
    ):
        check(make_batch, rule_of(READING[name]))


@pytest.mark.parametrize("name", HARMLESS)
def test_reads_that_mix_no_trials_are_allowed(name, make_batch):
    """Numbers that are equal for all trials, and checks within torch."""
    check(make_batch, rule_of(HARMLESS[name]))


def test_a_rule_that_runs_one_trial_at_a_time_may_read(make_batch):
    """No other trial takes part."""

    def alone(learning_rate=0.01):
        def update(oracle, state, theta):
            return theta - learning_rate * oracle.gradient * (0.5 if oracle.gradient.norm() > 1 else 1), state

        return Optimizer(init=lambda theta: (), update=update, stateful=True)

    check(make_batch, alone)


def test_init_and_answer_are_watched(make_batch):
    """They are functions of all trials, too."""

    def starts(learning_rate=0.01):
        def init(theta):
            return (theta * (2.0 if theta.norm() > HUGE else 1.0),)

        return Optimizer(init=init, update=lambda oracle, state, theta: (theta, state))

    def answers(learning_rate=0.01):
        return Optimizer(
            init=lambda theta: (),
            update=lambda oracle, state, theta: (theta, state),
            answer=lambda state, theta: 0 * theta if theta.norm() > HUGE else theta,
        )

    for factory in (starts, answers):
        with pytest.raises(ContractError, match=r"mixes trials: .*test_trial_reads"):
            check(make_batch, factory)


class Bounded(Problem):
    """A bowl that is flat for all trials where one is far."""

    layout = Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.rand(2, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1) * (0.0 if theta.abs().max() > HUGE else 1.0)


def test_a_problem_that_reads_numbers_of_all_trials_is_rejected(make_batch):
    """A decision of its objective far from the starts."""
    with pytest.raises(ContractError, match=r"problem .* mixes trials: .*test_trial_reads.py:\d+\)"):
        check(make_batch, rule_of(HARMLESS["count"]), Bounded())


def test_a_function_of_one_trial_is_left_to_vmap(make_batch):
    """It forbids to read numbers itself, and says so."""

    def bowl(theta):
        return theta.square().sum() * (0.0 if theta.abs().max() > HUGE else 1.0)

    with pytest.raises(RuntimeError, match="vmap"):
        check(make_batch, rule_of(HARMLESS["count"]), FunctionProblem(bowl, [1.0, 2.0]))
