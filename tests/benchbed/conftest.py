"""Small problems, optimizers and batches, as plugin authors write them."""

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.engine import Batch, run_batch
from benchbed.gradients import reverse
from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed.plan import Request, make_plan
from benchbed.seeds import InstanceSeed
from benchbed.tuning.outcomes import Outcome
from benchbed_optimizers.sgd import sgd


class Nothing(NamedTuple):
    """A state without tensors."""


@dataclass(frozen=True)
class Formula(Problem):
    """Minimize a function of θ from a given start; its optimum is 0 unless `optimum` is None."""

    function: object
    start: tuple[float, ...] = (1.0,)
    optimum_known: bool = True
    price: float = 1.0

    @property
    def layout(self):
        return Layout({"theta": (len(self.start),)})

    @property
    def full_price(self):
        return self.price

    def make_start(self, generator):
        return torch.tensor(self.start, dtype=torch.float64)

    def objective(self, theta, data):
        return self.function(theta)

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64) if self.optimum_known else None


@dataclass(frozen=True)
class Valleys(Problem):
    """Minimize ½ c θ² + noise · θ; each instance has its own c (1, or 1000 for about half of them) and noise."""

    layout = Layout({"theta": (3,)})
    full_price = None

    def make_start(self, generator):
        return torch.randn(3, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        steep = torch.rand(1, generator=generator, dtype=torch.float64) < 0.5
        return torch.where(steep, 1000.0, 1.0).double()

    def make_draws(self, generator, steps):
        return 0.1 * torch.randn(steps, 3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return 0.5 * (data * theta.square()).sum(-1)

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + (draw * theta).sum(-1)

    def optimum(self, data):
        return torch.zeros_like(data[..., 0])


@pytest.fixture
def formula():
    """Return a function that builds a problem from a formula."""
    return Formula


@pytest.fixture
def valleys():
    """A problem with data and noise of each instance, half of which diverge at rates above 0.002."""
    return Valleys()


@pytest.fixture
def still():
    """The factory of an optimizer that does not move."""

    def stay(rate: float = 0.0):
        return Optimizer(init=lambda theta: Nothing(), update=lambda oracle, state, theta: (theta, state))

    return stay


@pytest.fixture
def make_batch():
    """Return a function that builds a batch; hyperparameters are lists, one number for each setting."""

    def make(problem, factory=sgd, seeds=1, budget=100, targets=None, scale=1.0, **more):
        fields = {
            "statics": {},
            "metrics": {},
            "gradient": reverse,
            "dtype": "float64",
            "every_step": False,
            "engine": "auto",
        }
        fields |= {"tolerance": None, "stop_when_solved": True, "target_metric": ""}
        fields |= {name: more.pop(name) for name in fields.keys() & more.keys()}
        indices = range(seeds) if isinstance(seeds, int) else seeds
        return Batch(
            problem=problem,
            factory=factory,
            hyperparameters=more,
            settings=len(next(iter(more.values()), [None])),
            seeds=[InstanceSeed(0, type(problem).__name__.lower(), "evaluation", index) for index in indices],
            budget=budget,
            targets=tuple(problem.targets if targets is None else targets),
            scale=scale,
            device="cpu",
            **fields,
        )

    return make


@pytest.fixture
def run(make_batch):
    """Return a function that builds a batch and runs it."""
    return lambda *arguments, **more: run_batch(make_batch(*arguments, **more))


class Lane(NamedTuple):
    """The measurements of one trial, without the repetitions after it was frozen."""

    status: str
    calls: float
    steps: int
    calls_to_target: np.ndarray
    curve_calls: np.ndarray
    curve_objective: np.ndarray
    curve_gradient_norm: np.ndarray
    final_theta: np.ndarray


@pytest.fixture
def lane_of():
    """Return a function that selects one trial of a record."""

    def pick(record, seed=0, setting=0):
        values = {name: getattr(record, name)[seed, setting] for name in Lane._fields}
        distinct = np.diff(values["curve_calls"], prepend=-1.0) > 0
        return Lane(**{k: v[distinct] if k.startswith("curve") else v for k, v in values.items()})

    return pick


@pytest.fixture
def assert_same_lane():
    """Compare two trials: counts exactly, numbers to 1e-12 of the largest on their curve.

    Two orders of the same float64 operations differ by about 1e-16 a step; on the problems and for the steps
    of these tests they add up to less.
    """

    def compare(first, second):
        assert (first.status, first.calls, first.steps) == (second.status, second.calls, second.steps)
        np.testing.assert_array_equal(first.calls_to_target, second.calls_to_target)
        np.testing.assert_array_equal(first.curve_calls, second.curve_calls)
        for name in ("curve_objective", "curve_gradient_norm", "final_theta"):
            a, b = getattr(first, name), getattr(second, name)
            size = np.abs(b[np.isfinite(b)]).max(initial=0)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * size, err_msg=name)

    return compare


@pytest.fixture
def no_inductor(monkeypatch):
    """Fail if torch's inductor compiles a step, so that every compiled step in the test is a generated one."""

    def refuse(tile, lanes):
        raise AssertionError("inductor")

    monkeypatch.setattr("benchbed.engine.inductor.inductor_backend", refuse)


@pytest.fixture(scope="session")
def catalog():
    """The installed plugins."""
    return load_catalog([], dict(os.environ))


@pytest.fixture
def plan_of(catalog):
    """Return a function that plans a request, by default a small one."""

    def make(problems=("quadratic",), optimizers=("adam",), preset="quick", **fields):
        return make_plan(
            catalog, Request(problems=problems, optimizers=optimizers, preset=preset, device="cpu", **fields)
        )

    return make


@pytest.fixture
def finish():
    """Return a function that pretends to run batches: `judge` returns score and gap of a setting's trials."""

    def run(plan, batches, judge):
        outcomes = {}
        for batch in batches:
            for keys in plan.keys(batch):
                for setting, key in zip(batch.settings, keys, strict=True):
                    score, gap = judge(setting)
                    outcomes[key] = Outcome("exhausted", score, gap)
        return outcomes

    return run
