"""Optimizers that break the contract while they run, each in one way; `separate` breaks it in none."""

from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Optimizer


class Average(NamedTuple):
    value: Tensor


def zeros(theta):
    return Average(torch.zeros_like(theta))


def separate(learning_rate: Hyperparameter = 0.1):
    """Descent along the gradient divided by its norm, one norm for each trial."""

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient / oracle.gradient.norm(dim=-1, keepdim=True), state

    return Optimizer(init=zeros, update=update)


def largest_of_all(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient / oracle.gradient.abs().max(), state

    return Optimizer(init=zeros, update=update)


def centred_over_trials(learning_rate: Hyperparameter = 0.1):
    """The mean gradient of all trials replaces a tenth of a trial's own."""

    def update(oracle, state, theta):
        mean = oracle.gradient.mean(dim=(0, 1), keepdim=True)
        return theta - learning_rate * (0.9 * oracle.gradient + 0.1 * mean), state

    return Optimizer(init=zeros, update=update)


def clips_all(learning_rate: Hyperparameter = 0.1):
    """Clip the norm of all gradients, which acts only where it is large."""

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient * (1e4 / oracle.gradient.norm()).clamp(max=1), state

    return Optimizer(init=zeros, update=update)


def restarts_all(learning_rate: Hyperparameter = 0.1):
    """The velocity of every trial restarts where that of any trial points uphill."""

    def update(oracle, state, theta):
        uphill = ((state.value * oracle.gradient).sum(dim=-1) > 0).any()
        velocity = torch.where(uphill, 0, 0.9 * state.value) - learning_rate * oracle.gradient
        return theta + velocity, Average(velocity)

    return Optimizer(init=zeros, update=update)


def mixes_later(learning_rate: Hyperparameter = 0.1):
    """The norm of all gradients takes part after five steps."""

    def update(oracle, state, theta):
        norm = torch.where(state.value < 5, 1, 1 + oracle.gradient.norm())
        return theta - learning_rate * oracle.gradient / norm, Average(state.value + 1)

    return Optimizer(init=zeros, update=update)


def mixes_at_the_end(learning_rate: Hyperparameter = 0.1):
    """The norm of all gradients takes part in the second half of the budget."""

    def update(oracle, state, theta):
        norm = torch.where(oracle.progress < 0.5, 1, 1 + oracle.gradient.norm())
        return theta - learning_rate * oracle.gradient / norm, state

    return Optimizer(init=zeros, update=update)


def branch_of_all(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        rate = learning_rate if oracle.loss.sum() > 1e4 else 0.5 * learning_rate
        return theta - rate * oracle.gradient, state

    def answer(state, theta):
        return theta - 1e-3 * theta.mean(dim=(0, 1), keepdim=True)

    return Optimizer(init=zeros, update=update, answer=answer)


def branch_of_each(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        rate = learning_rate if oracle.loss > 1e4 else 0.5 * learning_rate
        return theta - rate * oracle.gradient, state

    return Optimizer(init=zeros, update=update)


def mixed_in_state(learning_rate: Hyperparameter = 0.1):
    """Only the second step shows it: the state of the first is 0."""

    def update(oracle, state, theta):
        value = 0.9 * state.value + oracle.gradient
        return theta - learning_rate * (
            oracle.gradient + 1e-3 * state.value.sum(dim=0, keepdim=True)
        ), Average(value)

    return Optimizer(init=zeros, update=update)


def writes_theta(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        theta -= learning_rate * oracle.gradient
        return theta, state

    return Optimizer(init=zeros, update=update)


def writes_gradient(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - oracle.gradient.mul_(learning_rate), state

    return Optimizer(init=zeros, update=update)


def writes_state(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        state.value.mul_(0.9).add_(oracle.gradient)
        return theta - learning_rate * state.value, state

    return Optimizer(init=zeros, update=update)


def clips_theta(learning_rate: Hyperparameter = 0.1):
    """A write that changes no number at the start, only those of a trial that leaves the box."""

    def update(oracle, state, theta):
        theta.clamp_(-1e9, 1e9)
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=zeros, update=update)


def writes_for_one_trial(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        theta.sub_(learning_rate * oracle.gradient)
        return theta, state

    return Optimizer(init=zeros, update=update, per_trial=True)


def promotes_theta(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient * torch.ones(1, dtype=torch.float64), state

    return Optimizer(init=zeros, update=update)


def grows(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return (theta - learning_rate * oracle.gradient)[..., None, :], state

    return Optimizer(init=zeros, update=update)


def shared_state(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, Average(state.value + 1)

    return Optimizer(init=lambda theta: Average(torch.zeros(1, dtype=theta.dtype)), update=update)


def answers_one_number(learning_rate: Hyperparameter = 0.1):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=zeros, update=update, answer=lambda state, theta: theta.mean(dim=-1))


def refuses_pairs(learning_rate: Hyperparameter = 0.1):
    """The mean gradient of all trials moves each, and an exception hides it from a check of two seeds."""

    def update(oracle, state, theta):
        if theta.shape[0] == 2:
            raise ArithmeticError("no pairs")
        return theta - learning_rate * oracle.gradient.mean(dim=(0, 1), keepdim=True), state

    return Optimizer(init=zeros, update=update)


FAULTY = {
    "largest_of_all": "dim=-1",
    "centred_over_trials": "dim=-1",
    "clips_all": "dim=-1",
    "restarts_all": "dim=-1",
    "mixes_later": "dim=-1",
    "mixes_at_the_end": "dim=-1",
    "branch_of_all": "torch.where",
    "branch_of_each": "torch.where",
    "mixed_in_state": "dim=-1",
    "writes_theta": "theta = theta - step",
    "writes_gradient": "theta = theta - step",
    "writes_state": "return new tensors",
    "clips_theta": "theta = theta - step",
    "writes_for_one_trial": "theta = theta - step",
    "promotes_theta": "torch.float64",
    "grows": "return the same shape",
    "shared_state": "zeros_like",
    "refuses_pairs": "raises ArithmeticError: no pairs for a batch of trials, but not for each alone",
    "answers_one_number": "return the same shape",
}
"""Name -> part of the sentence that rejects it."""


@hookimpl
def register_optimizers(register):
    for factory in (separate, *(globals()[name] for name in FAULTY)):
        register(factory)
