"""Reference solves reach the minima that closed forms and other solvers find."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchbed.engine.solving import _keeps_falling, _Objective, solve
from benchbed.errors import ContractError
from benchbed.interfaces import Layout, Problem

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 6, generator=GENERATOR, dtype=torch.float64)
Y = torch.randn(40, generator=GENERATOR, dtype=torch.float64)


@dataclass(frozen=True)
class LeastSquares(Problem):
    """Fit a linear function."""

    is_convex = True

    @property
    def layout(self):
        return Layout({"weights": (6,)})

    def shared_data(self):
        return X, Y

    def make_start(self, generator):
        return 3 * torch.randn(6, generator=generator, dtype=torch.float64)

    def residuals(self, theta, data):
        return (theta.unsqueeze(-2) * data[0]).sum(-1) - data[1]

    def objective(self, theta, data):
        return self.residuals(theta, data).square().mean(-1)


class Logistic(LeastSquares):
    """Classify by the sign of the targets."""

    def objective(self, theta, data):
        margins = (theta.unsqueeze(-2) * data[0]).sum(-1) * data[1].sign()
        return torch.nn.functional.softplus(-margins).mean(-1) + 1e-3 * theta.square().sum(-1)


class Wells(LeastSquares):
    """Two wells in each dimension, of which the one at −1 is deeper."""

    is_convex = False

    def objective(self, theta, data):
        return ((theta.square() - 1).square() + 0.1 * (theta + 1)).sum(-1)


class Unbounded(LeastSquares):
    """No lower bound."""

    is_convex = False

    def objective(self, theta, data):
        return -theta.square().sum(-1)


class Half(LeastSquares):
    """A bowl whose other half is NaN, in which the first start lies."""

    is_convex = False

    def objective(self, theta, data):
        bowl = (theta + 1).square().sum(-1)
        return torch.where(theta.sum(-1) < 0, bowl, torch.nan)


class Drawn(LeastSquares):
    """Data of each instance."""

    def shared_data(self):
        return None

    def make_data(self, generator):
        return X + torch.randn(40, 6, generator=generator, dtype=torch.float64), Y


class Buffered(LeastSquares):
    """A buffer that changes in steps."""

    def make_buffers(self, generator):
        return torch.zeros(1)


def test_least_squares_has_the_minimum_of_numpy():
    """To rounding, with a gradient of rounding errors."""
    solution = solve(LeastSquares(), "least-squares", seconds=10)
    expected = np.linalg.lstsq(X.numpy(), Y.numpy())[1].item() / len(Y)
    assert solution.value == pytest.approx(expected, rel=1e-14)
    assert solution.gradient_norm < 1e-14


def test_a_logistic_regression_has_the_minimum_of_newtons_method():
    """With the Hessian of its formula, XᵀWX/n + 2·10⁻³ I."""
    x = (X * Y.sign()[:, None]).numpy()
    theta = np.zeros(6)
    for _ in range(20):
        share = 1 / (1 + np.exp(x @ theta))
        gradient = -x.T @ share / len(x) + 2e-3 * theta
        hessian = (x * (share * (1 - share))[:, None]).T @ x / len(x) + 2e-3 * np.eye(6)
        theta -= np.linalg.solve(hessian, gradient)
    expected = np.log1p(np.exp(-x @ theta)).mean() + 1e-3 * theta @ theta
    solution = solve(Logistic(), "logistic", seconds=10)
    assert solution.value == pytest.approx(expected, rel=1e-14)
    assert solution.gradient_norm < 1e-14


def test_the_lowest_of_several_wells_is_kept():
    """Five starts end in different ones; the value is that of a sum of wells, and no start ends lower."""
    solution = solve(Wells(), "wells", seconds=10)
    roots = np.roots([4, 0, -4, 0.1])
    wells = sorted((roots**2 - 1) ** 2 + 0.1 * (roots + 1))[:2]  # the middle root is a maximum
    sums = [6 * wells[0] + count * (wells[1] - wells[0]) for count in range(7)]
    assert min(abs(solution.value - value) for value in sums) < 1e-9
    assert solution.value < sums[3]


def test_solves_that_end_at_nan_do_not_count():
    """Those from the other starts reach the minimum."""
    assert torch.isnan(Half().objective(torch.from_numpy(_Objective(Half(), "half").starts[0]), None))
    assert solve(Half(), "half", seconds=10).value == pytest.approx(0, abs=1e-20)


class Formula(LeastSquares):
    """An objective of a formula."""

    is_convex = False

    def __init__(self, formula):
        self.formula = formula

    def objective(self, theta, data):
        return self.formula(theta).sum(-1)


FALLING = {
    "square": lambda theta: -theta.square(),
    "cubic": lambda theta: theta**3 - theta,
    "quartic": lambda theta: theta.square() - theta**4,
    "quintic": lambda theta: theta**5 - 10 * theta**3,
    "linear": lambda theta: theta,
    "waves": lambda theta: theta + 2 * theta.sin(),
    "logarithm": lambda theta: -(1 + theta.square()).log(),
}
BOUNDED = {
    "a bowl": lambda theta: (theta - 100).square(),
    "an infimum at infinity": lambda theta: (-theta).exp(),
    "an infimum that is approached slowly": lambda theta: 1 / (1 + theta.square()).sqrt(),
    "a plateau": lambda theta: -theta.tanh(),
    "a domain that ends": lambda theta: -theta + 0 * (100 - theta).log(),
}


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
@pytest.mark.parametrize("formula", FALLING.values(), ids=FALLING)
def test_an_objective_without_a_minimum_has_a_sentence(formula):
    """Also where the line search stops at a finite value."""
    with pytest.raises(
        ContractError, match=r"'mine' (has no finite minimum|keeps falling beyond).*; choose a target"
    ):
        solve(Formula(formula), "mine", seconds=0.5)


@pytest.mark.parametrize("formula", BOUNDED.values(), ids=BOUNDED)
def test_an_objective_with_an_infimum_does_not_keep_falling(formula):
    """Although it falls at the point, by steps that diminish or end."""
    objective, point = _Objective(Formula(formula), "mine"), np.full(6, 3.0)
    assert objective(point + 1)[0] < objective(point)[0]
    assert not _keeps_falling(objective, point, np.ones(6))


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_an_objective_that_overflows_has_a_sentence():
    """No ray is followed where no value is finite."""
    with pytest.raises(ContractError, match="'unbounded' has no finite minimum that descent reaches; choose"):
        solve(Unbounded(), "unbounded", seconds=10)


class Flat(Problem):
    """A convex function in forty dimensions of very different curvature, each evaluation of which takes a second."""

    is_convex = True
    seconds = 0

    @property
    def layout(self):
        return Layout({"x": (40,)})

    def make_start(self, generator):
        return torch.randn(40, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        type(self).seconds += 1
        scaled = theta * torch.logspace(-4, 2, 40, dtype=torch.float64)
        return (functional.softplus(scaled) + functional.softplus(-scaled - 1)).sum(-1)


def test_a_solve_ends_at_its_deadline(monkeypatch):
    """With the lowest point until then; afterwards only values are computed, and Newton's method had its share."""
    curvatures = []
    along = _Objective.curvature_along
    monkeypatch.setattr("benchbed.engine.solving.time", SimpleNamespace(monotonic=lambda: Flat.seconds))
    monkeypatch.setattr(
        _Objective, "curvature_along", lambda *arguments: curvatures.append(0) or along(*arguments)
    )
    solution = solve(Flat(), "flat", seconds=60)
    assert 60 < Flat.seconds < 60 + 12
    assert len(curvatures) >= 10
    assert solution.scale > 0


@pytest.mark.parametrize(
    ("problem", "message"), [(Drawn(), "has data of its own"), (Buffered(), "has buffers that change")]
)
def test_one_value_must_hold_for_all_instances(problem, message):
    """Otherwise a sentence says what defines the optimum instead."""
    with pytest.raises(ContractError, match=message):
        solve(problem, "problem", seconds=1)
