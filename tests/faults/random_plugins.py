"""Random small plugins as source text, right ones and wrong ones.

The source is written as an author would write it; `plain_loop.py` computes the same numbers.
"""

from typing import NamedTuple

from hypothesis import strategies
from plain_loop import DIMENSION, SAMPLES, SCALE_INSTANCES
from plugin_mutations import OPTIMIZER_MUTATIONS, PROBLEM_MUTATIONS

TERMS = {
    "diagonal": "0.5 * (data.curvature * point.square()).sum(-1)",
    "rotated": "0.5 * (data.matrix * point.unsqueeze(-2)).sum(-1).square().sum(-1)",
    "quartic": "0.25 * (point**4).sum(-1)",
    "absolute": "0.1 * point.abs().sum(-1)",
    "logistic": "torch.nn.functional.softplus((data.samples * point.unsqueeze(-2)).sum(-1)).mean(-1)",
}
PREAMBLE = """\
import random
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Layout, Optimizer, Problem

CALLS = [0]
"""


class RandomProblem(NamedTuple):
    """Sum of terms of θ − center, with or without noise."""

    terms: tuple[str, ...]
    dtype: str
    is_noisy: bool
    is_per_trial: bool
    has_fixed_start: bool
    mutation: str = ""

    @property
    def is_optimum_known(self) -> bool:
        """Whether f* is 0, the sum of the minima of the terms."""
        return "logistic" not in self.terms


class RandomOptimizer(NamedTuple):
    """Chain of operations on the gradient."""

    second_call: bool
    clipping: str
    """"", "norm" or "value"."""
    momentum: float
    mean_square: float
    """0 for none."""
    is_normalized: bool
    takes_sign: bool
    has_schedule: bool
    averages: bool
    is_per_trial: bool
    mutation: str = ""


def problems(mutations):
    """Draw problems in which the mutation takes part."""
    terms = strategies.lists(strategies.sampled_from(sorted(TERMS)), min_size=1, max_size=2, unique=True)
    return strategies.builds(
        RandomProblem, terms.map(tuple), strategies.sampled_from(["float64", "float32"]),
        strategies.booleans(), strategies.booleans(), strategies.booleans(), mutations,
    ).map(_with_mutated_part)  # fmt: skip


def _with_mutated_part(problem):
    if "data" in problem.mutation and "diagonal" not in problem.terms:
        problem = problem._replace(terms=("diagonal", *problem.terms[:1]))
    if "draws" in problem.mutation:
        problem = problem._replace(is_noisy=True)
    return problem


def optimizers(mutations):
    """Draw optimizers."""
    switch = strategies.booleans()
    return strategies.builds(
        RandomOptimizer, switch, strategies.sampled_from(["", "norm", "value"]),
        strategies.sampled_from([0.0, 0.5, 0.875]), strategies.sampled_from([0.0, 0.75]),
        switch, switch, switch, switch, switch, mutations,
    )  # fmt: skip


def source_of(problem, optimizer):
    """Write the plugin."""
    return PREAMBLE + problem_source(problem) + optimizer_source(optimizer)


def problem_source(problem):
    """Write the class of the problem with its mutation."""
    value = " + ".join(TERMS[term] for term in problem.terms)
    lines = {
        "start": f"torch.linspace(1, 2, {DIMENSION}, dtype=torch.float64)"
        if problem.has_fixed_start
        else f"1 + torch.rand({DIMENSION}, generator=generator, dtype=torch.float64)",
        "curvature": f"0.5 + torch.rand({DIMENSION}, generator=generator, dtype=torch.float64)",
        "point": "theta - 0.25",
        "value": value,
        "optimum": "torch.tensor(0.0, dtype=torch.float64)" if problem.is_optimum_known else "None",
        "draws": f"0.1 * torch.randn(steps, {DIMENSION}, generator=generator, dtype=torch.float64)",
        "before": "pass",
    }
    lines |= {key: text.format(**lines) for key, text in PROBLEM_MUTATIONS.get(problem.mutation, {}).items()}
    noise = f"""
    def make_draws(self, generator, steps):
        return {lines["draws"]}

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + (draw * theta).sum(-1)
"""
    return f"""

class Data(NamedTuple):
    curvature: Tensor
    matrix: Tensor
    samples: Tensor


@dataclass(frozen=True)
class RandomProblem(Problem):
    dtype = "{problem.dtype}"
    per_trial = {problem.is_per_trial}
    full_price = {None if problem.is_noisy else 1.0}
    scale_instances = {SCALE_INSTANCES}

    @property
    def layout(self):
        return Layout({{"point": ({DIMENSION},)}})

    def make_start(self, generator):
        return {lines["start"]}

    def make_data(self, generator):
        return Data(
            {lines["curvature"]},
            torch.randn({DIMENSION}, {DIMENSION}, generator=generator, dtype=torch.float64),
            torch.randn({SAMPLES}, {DIMENSION}, generator=generator, dtype=torch.float64),
        )

    def objective(self, theta, data):
        {lines["before"]}
        point = {lines["point"]}
        return {lines["value"]}

    def optimum(self, data):
        return {lines["optimum"]}
{noise if problem.is_noisy else ""}

@hookimpl
def register_problems(register):
    register(RandomProblem)
"""


def optimizer_source(optimizer):
    """Write the factory of the optimizer with its mutation."""
    steps = ["gradient = oracle.gradient", "rate = learning_rate"]
    if optimizer.second_call:
        steps += ["_, ahead = oracle.at(theta - rate * gradient)", "gradient = 0.5 * (gradient + ahead)"]
    if optimizer.clipping == "norm":
        steps += ["gradient = gradient / gradient.norm(dim=-1, keepdim=True).clamp(min=1)"]
    if optimizer.clipping == "value":
        steps += ["gradient = gradient.clamp(-0.5, 0.5)"]
    steps += [
        f"mean = {optimizer.momentum} * state.mean + {1 - optimizer.momentum} * gradient",
        "step = mean",
    ]
    decay = optimizer.mean_square
    steps += [
        f"square = {decay} * state.square + {1 - decay} * gradient.square()"
        if decay
        else "square = state.square"
    ]
    if decay:
        steps += ["step = step / (square.sqrt() + 0.1)"]
    if optimizer.is_normalized:
        steps += ["step = step / (step.norm(dim=-1, keepdim=True) + 0.01)"]
    if optimizer.takes_sign:
        steps += ["step = step.sign()"]
    if optimizer.has_schedule:
        steps += ["rate = rate * (1 - oracle.progress)"]
    steps += ["moved = theta - rate * step", "average = 0.5 * state.average + 0.5 * moved"]
    steps += ["after = State(mean, square, average)"]
    mutation = OPTIMIZER_MUTATIONS.get(optimizer.mutation, {})
    steps = [*mutation.get("first", ()), *steps, *mutation.get("last", ())]
    indented = "\n        ".join(steps)
    zeros = mutation.get("zeros", ("torch.zeros_like(theta)",))[0]
    answer = "state.average" if optimizer.averages else "theta"
    return f"""

class State(NamedTuple):
    mean: Tensor
    square: Tensor
    average: Tensor


def random_rule(learning_rate: Hyperparameter = 0.01):
    count = 0

    def init(theta):
        return State({zeros}, torch.zeros_like(theta), theta)

    def update(oracle, state, theta):
        nonlocal count
        {indented}
        return moved, after

    def answer(state, theta):
        return {mutation.get("answer", (answer,))[0]}

    return Optimizer(init=init, update=update, answer=answer, per_trial={optimizer.is_per_trial})


@hookimpl
def register_optimizers(register):
    register(random_rule)
"""
