"""Minimization of the objective over all samples by L-BFGS and Newton's method, for reference values."""

import math
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.evaluation import reverse
from benchbed.engine.oracle import batched
from benchbed.engine.sampling import Instances, shared_data
from benchbed.errors import ContractError
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed

STARTS = 5
"""Instances of the role `scale` from whose starts a problem that is not convex is solved."""
NEWTON_STEPS = 20
DOUBLINGS = 40
"""Points of a ray, each twice as far as the last, at which an objective without a lower bound falls."""
DIMINISHING = 0.99
"""Ratio of two falls below which they diminish, as those of 1/t; those of −log t are equal, and those of −t double."""
TINY = np.finfo(np.float64).tiny
POLISH_SHARE = 0.25
"""Share of the time of a convex problem that is left for Newton's method."""


class Solution(NamedTuple):
    """The lowest point of several solves."""

    value: float
    gradient_norm: float
    distance: float
    """From the farthest start."""
    scale: float
    """Median of the objectives of the starts, above the value."""


class _Objective:
    """The objective of a problem whose instances share their data, in float64."""

    def __init__(self, problem: Problem, name: str) -> None:
        seeds = [InstanceSeed(0, name, "scale", number) for number in range(STARTS)]
        instances = Instances(problem, seeds)
        if instances.buffers is not None:
            raise ContractError(
                f"problem {name!r} has buffers that change in steps, such as running statistics, so that no point "
                "alone defines its objective; choose a target_metric, or let `optimum` return a lower bound"
            )
        if shared_data(problem) is None and problem.make_data(torch.Generator().manual_seed(1)) is not None:
            raise ContractError(
                f"each instance of problem {name!r} has data of its own, so that one reference value does not hold "
                "for all; let `optimum` compute the minimum from the data"
            )
        self.starts = instances.start.numpy()
        self.data = instances.data_of(slice(0, 1))
        self._objective = batched(problem, problem.objective)

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient `[dimension]`."""
        theta = torch.from_numpy(point.copy())[None, None]
        loss, gradient = reverse(lambda theta: self._objective(theta, self.data), theta)
        return loss.item(), gradient[0, 0].numpy()

    def curvature_along(self, point: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Hessian at a point times a direction, `[dimension]`."""
        theta = torch.from_numpy(point.copy()).requires_grad_()
        loss: Tensor = self._objective(theta[None, None], self.data).sum()
        (gradient,) = torch.autograd.grad(loss, theta, create_graph=True)
        (product,) = torch.autograd.grad(gradient, theta, torch.from_numpy(direction.reshape(-1).copy()))
        return product.numpy()


def solve(problem: Problem, name: str, seconds: float) -> Solution:
    """Minimize the objective of a problem, for about so many seconds.

    Raises: ContractError if its instances differ in more than their starts, or no solve ends at a finite value.
    """
    objective = _Objective(problem, name)
    starts = objective.starts[:1] if problem.is_convex else objective.starts
    end = time.monotonic() + seconds
    end_of_descent = end - (POLISH_SHARE * seconds if problem.is_convex else 0.0)
    points = []
    for index, start in enumerate(starts):
        left = end_of_descent - time.monotonic()
        points.append(_solve_from(objective, start, time.monotonic() + left / (len(starts) - index)))
    values = [objective(point)[0] for point in points]
    is_finite = np.isfinite(values)
    lowest = int(np.argmin(np.where(is_finite, values, np.inf)))
    best = points[lowest]
    if problem.is_convex and is_finite.any():
        best = _polish(objective, best, end)
    value, gradient = objective(best)
    if -math.inf in values or not np.isfinite([value, *gradient]).all():
        raise ContractError(
            f"the objective of problem {name!r} has no finite minimum that descent reaches; choose a target_metric, or "
            "let `optimum` return a lower bound"
        )
    rays = (
        best - starts[lowest],
        -gradient * max(1.0, np.linalg.norm(best)) / max(np.linalg.norm(gradient), TINY),
    )
    if any(_keeps_falling(objective, best, ray) for ray in rays):
        raise ContractError(
            f"the objective of problem {name!r} keeps falling beyond {value:.6g}, the lowest value found; choose a "
            "target_metric, or let `optimum` return a lower bound"
        )
    distances = np.linalg.norm(objective.starts - best, axis=1)
    objectives_of_starts = [objective(start)[0] for start in objective.starts]
    scale = float(np.median(objectives_of_starts)) - value
    return Solution(value, float(np.linalg.norm(gradient)), float(distances.max()), scale)


def _solve_from(objective: _Objective, start: np.ndarray, deadline: float) -> np.ndarray:
    """Minimize by L-BFGS until it finds no lower point, or the deadline."""
    from scipy.optimize import minimize  # commands that solve nothing need not wait for it

    def stop_at_deadline(point: np.ndarray) -> None:
        if time.monotonic() > deadline:
            raise StopIteration

    options = {"maxiter": 10**6, "maxfun": 10**7, "maxcor": 30, "ftol": 0.0, "gtol": 0.0}
    result: Any = minimize(
        objective, start, jac=True, method="L-BFGS-B", callback=stop_at_deadline, options=options
    )  # type: ignore[call-overload]  # SciPy's stubs want vectors without a length
    point: np.ndarray = result.x
    return point


def _keeps_falling(objective: _Objective, point: np.ndarray, ray: np.ndarray) -> bool:
    """Return whether the objective falls along a ray by steps that do not diminish, or to minus infinity."""
    last, fall, last_fall = objective(point)[0], 0.0, 0.0
    for exponent in range(DOUBLINGS):
        value, _ = objective(point + 2.0**exponent * ray)
        last, last_fall, fall = value, fall, last - value
        if value == -math.inf:
            return True
        if not fall > 0:  # it rises, is level, or is not defined
            return False
    return fall >= DIMINISHING * last_fall


class _OutOfTimeError(Exception):
    """The deadline ended the solution of a Newton system."""


def _polish(objective: _Objective, point: np.ndarray, deadline: float) -> np.ndarray:
    """Reduce the gradient of a convex objective by Newton steps, below the norm where its values become equal."""
    from scipy.sparse.linalg import LinearOperator, cg

    gradient = objective(point)[1]
    for _ in range(NEWTON_STEPS):

        def product(direction: np.ndarray, point: np.ndarray = point) -> np.ndarray:
            if time.monotonic() > deadline:
                raise _OutOfTimeError
            return objective.curvature_along(point, direction)

        hessian = LinearOperator((point.size, point.size), matvec=product, dtype=np.float64)
        try:
            step, _ = cg(hessian, -gradient, rtol=1e-8, maxiter=2 * point.size)
        except _OutOfTimeError:
            break
        norm, gradient = np.linalg.norm(gradient), objective(point + step)[1]
        if np.linalg.norm(gradient) < norm:
            point = point + step
        if not np.linalg.norm(gradient) < 0.5 * norm:
            break
    return point
