"""Solve polynomial fits in closed form: least squares of least norm, and gradient descent that is stopped early."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch

from benchbed import Plan, evaluation_instances
from benchbed_problems.runge import Runge, RungeSamples

Basis = Literal["monomial", "chebyshev"]


class Losses(NamedTuple):
    """Losses of the fits with 1, 2, … 2I features, each `[features, seeds]`."""

    train: np.ndarray
    test: np.ndarray


def fits(plan: Plan, basis: Basis) -> Iterator[tuple[Runge, RungeSamples]]:
    """Give the fits with 1 … 2I features to the plan's evaluation instances, whose data are `[seeds, 1, …]`."""
    like = Runge(**plan.problems[0].parameters)
    for features in range(1, 2 * like.samples + 1):
        problem = replace(like, features=features, basis=basis)
        yield problem, samples_of(plan, problem)


def samples_of(plan: Plan, problem: Runge) -> RungeSamples:
    """Draw the data of the plan's evaluation instances, `[seeds, 1, …]`; z and y are the same whatever the features."""
    seeds = range(plan.evaluation_seeds)
    data: RungeSamples = evaluation_instances(problem, "runge", seeds, plan.study_seed).data
    return data


def closed_form(plan: Plan, basis: Basis) -> Losses:
    """Give the losses of the least-squares solutions."""
    train, test = [], []
    for problem, data in fits(plan, basis):
        theta = torch.from_numpy(least_norm(data))[:, None]
        train.append(problem.objective(theta, data)[:, 0].numpy())
        test.append(problem.metrics["test-loss"](theta, data)[:, 0].numpy())
    return Losses(np.array(train), np.array(test))


def stopped_early(plan: Plan, basis: Basis, learning_rate: float, steps: int) -> np.ndarray:
    """Give the test losses of gradient descent from 0 after some steps, `[features, seeds]`."""
    test = []
    for problem, data in fits(plan, basis):
        theta = torch.from_numpy(descent(data, learning_rate, steps))[:, None]
        test.append(problem.metrics["test-loss"](theta, data)[:, 0].numpy())
    return np.array(test)


def least_norm(data: RungeSamples) -> np.ndarray:
    """Give the least-squares coefficients of least norm, `[seeds, features]`.

    As `Runge.minimizer`, but for monomials beyond those that it trusts, too: so few samples are still interpolated.
    """
    solution = torch.linalg.lstsq(data.design, data.y.unsqueeze(-1), driver="gels").solution
    return np.asarray(solution.squeeze(-1)[:, 0])


def descent(data: RungeSamples, learning_rate: float, steps: int) -> np.ndarray:
    """Give where gradient descent from 0 is after some steps, `[seeds, features]`.

    With the singular values s of X / √I, a step multiplies the error along each singular vector by 1 − η s²: to stop
    early damps the very directions, those of small s, along which the closed form explodes. Source: Y. Yao, L. Rosasco
    and A. Caponnetto (2007), On early stopping in gradient descent learning, https://doi.org/10.1007/s00365-006-0663-2.
    """
    design, y = np.asarray(data.design[:, 0]), np.asarray(data.y[:, 0])
    root = np.sqrt(y.shape[-1])
    u, s, vt = np.linalg.svd(design / root, full_matrices=False)
    shrunk = learning_rate * s**2
    slow = -np.expm1(steps * np.log1p(-np.minimum(shrunk, 0.5)))  # as below, where 1 − η s² would round to 1
    share = np.where(shrunk < 0.5, slow, 1 - (1 - shrunk) ** steps)
    reached = share / s * np.einsum("nik,ni->nk", u, y / root)
    return np.asarray(np.einsum("nkf,nk->nf", vt, reached))


def median(values: np.ndarray) -> np.ndarray:
    """Give the lower median over the last dimension, the seeds, as the protocol's tables do."""
    return np.asarray(np.quantile(values, 0.5, axis=-1, method="inverted_cdf"))
