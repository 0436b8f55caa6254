"""Polynomial fits in closed form: least squares of least norm, and gradient descent that stops early."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch

from benchbed import Plan, evaluation_instances
from benchbed_problems.runge import Runge, RungeSamples

Basis = Literal["monomial", "chebyshev"]


class FitLosses(NamedTuple):
    """Losses of the fits with 1, 2, … 2I features, each `[features, seeds]`."""

    train: np.ndarray
    test: np.ndarray


def fits(plan: Plan, basis: Basis) -> Iterator[tuple[Runge, RungeSamples]]:
    """Yield the problems with 1 … 2I features and their data `[seeds, 1, …]` on the plan's evaluation instances."""
    template = Runge(**plan.problems[0].parameters)
    for features in range(1, 2 * template.samples + 1):
        problem = replace(template, features=features, basis=basis)
        yield problem, samples_of(plan, problem)


def samples_of(plan: Plan, problem: Runge) -> RungeSamples:
    """Draw the data `[seeds, 1, …]` of the plan's evaluation instances; z and y do not depend on the features."""
    data: RungeSamples = evaluation_instances(
        problem, "runge", range(plan.evaluation_seeds), plan.study_seed
    ).data
    return data


def closed_form(plan: Plan, basis: Basis) -> FitLosses:
    """Compute the losses of the least-squares solutions."""
    train, test = [], []
    for problem, data in fits(plan, basis):
        theta = torch.from_numpy(least_norm(data))[:, None]
        train.append(problem.objective(theta, data)[:, 0].numpy())
        test.append(problem.metrics["test-loss"](theta, data)[:, 0].numpy())
    return FitLosses(np.array(train), np.array(test))


def stopped_early(plan: Plan, basis: Basis, learning_rate: float, steps: int) -> np.ndarray:
    """Compute the test losses of gradient descent from 0 after a number of steps, `[features, seeds]`."""
    test = []
    for problem, data in fits(plan, basis):
        theta = torch.from_numpy(descent(data, learning_rate, steps))[:, None]
        test.append(problem.metrics["test-loss"](theta, data)[:, 0].numpy())
    return np.array(test)


def least_norm(data: RungeSamples) -> np.ndarray:
    """Compute the least-squares coefficients of least norm, `[seeds, features]`.

    As `Runge.minimizer`, but also for more monomials than that method trusts: so few samples are still interpolated.
    """
    solution = torch.linalg.lstsq(data.design, data.y.unsqueeze(-1), driver="gels").solution
    return np.asarray(solution.squeeze(-1)[:, 0])


def descent(data: RungeSamples, learning_rate: float, steps: int) -> np.ndarray:
    """Compute the point that gradient descent from 0 reaches after a number of steps, `[seeds, features]`.

    With the singular values s of X / √I, a step multiplies the error along each singular vector by 1 − η s²: early
    stopping damps the directions of small s, along which the closed form explodes. Source: Y. Yao, L. Rosasco
    and A. Caponnetto (2007), On early stopping in gradient descent learning, https://doi.org/10.1007/s00365-006-0663-2.
    """
    design, y = np.asarray(data.design[:, 0]), np.asarray(data.y[:, 0])
    root = np.sqrt(y.shape[-1])
    u, s, vt = np.linalg.svd(design / root, full_matrices=False)
    shrinkage = learning_rate * s**2
    # For small η s², 1 − (1 − η s²)ⁿ without rounding 1 − η s² to 1.
    slow = -np.expm1(steps * np.log1p(-np.minimum(shrinkage, 0.5)))
    share = np.where(shrinkage < 0.5, slow, 1 - (1 - shrinkage) ** steps)
    coefficients = share / s * np.einsum("nik,ni->nk", u, y / root)
    return np.asarray(np.einsum("nkf,nk->nf", vt, coefficients))


def median(values: np.ndarray) -> np.ndarray:
    """Compute the lower median over the last dimension, the seeds, as the protocol's tables do."""
    return np.asarray(np.quantile(values, 0.5, axis=-1, method="inverted_cdf"))
