"""No plugin that keeps the contract is rejected, mixed trials are, and little is computed on much data."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import msgspec
import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.engine.independence import check_independence
from benchbed.errors import ContractError
from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed.plan import Request, make_plan
from benchbed.runner.engine_batches import engine_batch
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic

CATALOG = load_catalog(environ={})
LARGE = {"polynomial-network", "markov-transformer", "mnist1d"}  # each takes seconds with every optimizer
EVERY_RULE = {"quartic", "runge"}  # with noise, and with data of each instance
RULES = ("gd", "adam", "muon", "lbfgs")
TORCH = [f"torch.optim:{name}" for name in ("SGD", "Adam", "LBFGS", "Rprop", "Adadelta")]


def batches_of(problem, optimizer, **options):
    """Yield the first batches of both tracks: one setting, and several."""
    request = Request(
        problems=(problem,),
        optimizers=(optimizer,),
        preset="quick",
        steps=20,
        seeds=3,
        device="cpu",
        **options,
    )
    for track in ("default", "tuned"):
        plan = make_plan(CATALOG, msgspec.structs.replace(request, tracks=(track,)))
        batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
        yield engine_batch(plan, batch, CATALOG, is_measured=False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", CATALOG.names("problems"))
def test_built_in_plugins_pass(problem, dtype):
    """Rules of each kind on every problem, and all of them and a few classes of torch on some, in both dtypes."""
    rules = RULES[:1] if problem in LARGE else RULES
    for optimizer in (*CATALOG.names("optimizers"), *TORCH) if problem in EVERY_RULE else rules:
        for batch in batches_of(problem, optimizer, dtype=dtype):
            check_independence(batch)


@pytest.mark.parametrize("gradient", CATALOG.names("gradients"))
def test_built_in_gradients_pass(gradient):
    """Also those with draws of their own."""
    for problem in ("quadratic", "linear-regression"):
        for batch in batches_of(problem, "gd", gradient=gradient):
            check_independence(batch)


class Sample(NamedTuple):
    """Samples of a normal distribution, and their mean."""

    x: torch.Tensor
    mean: torch.Tensor


@dataclass(frozen=True)
class LargeMean(Problem):
    """Mean squared distance to 30 000 samples, evaluated on one of them in each step."""

    layout = Layout({"point": (2,)})
    samples = 30_000
    evaluated: ClassVar[list[int]] = []

    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)

    def shared_data(self):
        x = torch.randn(self.samples, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        return Sample(x, x.mean(0))

    def make_draws(self, generator, steps):
        return torch.randint(self.samples, (steps,), generator=generator)

    def loss(self, theta, data, draw):
        return (theta - data.x[draw]).square().sum(-1)

    def objective(self, theta, data):
        self.evaluated.append(theta[..., 0].numel() * len(data.x))
        return (theta.unsqueeze(-2) - data.x).square().sum(-1).mean(-1)


class MixedMean(LargeMean):
    """A mean over trials as well."""

    def objective(self, theta, data):
        return super().objective(theta, data).mean(0, keepdim=True).expand(theta.shape[:-1])


class MixedWhereWhole(LargeMean):
    """The objective mixes trials over all samples, and raises an exception over fewer."""

    def objective(self, theta, data):
        weights = torch.ones(self.samples, dtype=theta.dtype)
        return theta.norm() + (weights * (theta.unsqueeze(-2) - data.x).square().sum(-1)).mean(-1)


class NotANumberWherePart(MixedMean):
    """The value over fewer samples is NaN, which is equal for all trials."""

    def objective(self, theta, data):
        return super().objective(theta, data) * (1.0 if len(data.x) == self.samples else torch.nan)


class WholeMean(LargeMean):
    """Trials are separate, but values over fewer samples mix them."""

    def objective(self, theta, data):
        return super().objective(theta, data) + (len(data.x) < self.samples) * theta.norm()


def test_an_objective_of_much_data_is_compared_on_few_samples(make_batch):
    """Ten evaluations at most on 500 samples of 30 000, at the starts and far from them: less than one on all."""
    LargeMean.evaluated.clear()
    check_independence(make_batch(LargeMean(), sgd, seeds=2, learning_rate=[0.1, 0.2]))
    assert sum(LargeMean.evaluated) == 2 * (4 + 1) * 500


@pytest.mark.parametrize("problem", [MixedMean, MixedWhereWhole, NotANumberWherePart])
def test_mixed_trials_on_much_data_are_rejected(problem, make_batch):
    """Also if the samples that are left do not show it."""
    with pytest.raises(ContractError, match=r"objective of problem .* mixes trials"):
        check_independence(make_batch(problem(), sgd, seeds=2, learning_rate=[0.1, 0.2]))


def test_only_all_samples_reject_an_objective(make_batch):
    """A fault that only fewer samples show is not one of the trials."""
    check_independence(make_batch(WholeMean(), sgd, seeds=2, learning_rate=[0.1, 0.2]))


def theta_alone(learning_rate: float = 0.01):
    """Forget to return the state."""
    return Optimizer(
        init=lambda theta: (), update=lambda oracle, state, theta: theta - learning_rate * oracle.gradient
    )


def draws_without_steps(learning_rate: float = 0.01):
    """Draw numbers of one step, which have the shape of those of two steps in two dimensions."""

    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient + oracle.draw, state

    def make_draws(generator, steps, dimension):
        return torch.randn(dimension, generator=generator, dtype=torch.float64)

    return Optimizer(init=lambda theta: (), update=update, make_draws=make_draws)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (theta_alone, "update returns Tensor; return the next theta and the next state"),
        (draws_without_steps, r"returns the shape \(2,\) for 3 steps"),
    ],
    ids=["theta-alone", "draws-without-steps"],
)
def test_shapes_that_fit_by_chance_are_not_taken_for_mixed_trials(factory, message, make_batch):
    """Two seeds, two settings and two dimensions hide the mistake, and the error names it."""
    batch = make_batch(Quadratic(), factory, seeds=2, learning_rate=[0.1, 0.2])
    with pytest.raises(ContractError, match=message):
        check_independence(batch)
