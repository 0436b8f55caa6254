"""Functions that depend on more than their arguments are rejected; counters in Python count the steps of a trial."""

import functools
import importlib
import itertools
import os
import random
import sys
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchbed.engine import run_batch
from benchbed.engine.purity import check_purity, without_global_randomness
from benchbed.errors import ContractError
from benchbed.interfaces import Gradient, Layout, Optimizer, Problem
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic

module_count = 0
module_history = []


class Nothing(NamedTuple):
    """A state without tensors."""


class Held(NamedTuple):
    """A state of one tensor."""

    value: torch.Tensor


@dataclass(frozen=True)
class Bowl(Problem):
    """Minimize θ₁² + θ₂² from (2, 1)."""

    layout = Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.tensor([2.0, 1.0], dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)


def optimizer_of(update, **fields):
    return Optimizer(init=lambda theta: Nothing(), update=update, **fields)


def decay_in_closure(learning_rate: float = 0.1):
    t = 0

    def update(oracle, state, theta):
        nonlocal t
        t += 1
        return theta - learning_rate / t * oracle.gradient, state

    return optimizer_of(update)


def decay_in_attribute(learning_rate: float = 0.1):
    class Decay:
        def __init__(self):
            self.t = 0

        def update(self, oracle, state, theta):
            self.t += 1
            return theta - learning_rate / self.t * oracle.gradient, state

    return optimizer_of(Decay().update)


def decay_in_list(learning_rate: float = 0.1):
    seen = []

    def update(oracle, state, theta):
        seen.append(None)
        return theta - learning_rate / len(seen) * oracle.gradient, state

    return optimizer_of(update)


def decay_in_iterator(learning_rate: float = 0.1):
    steps = itertools.count(1)

    def update(oracle, state, theta):
        return theta - learning_rate / next(steps) * oracle.gradient, state

    return optimizer_of(update)


def late_decay(learning_rate: float = 0.1):
    """The rate falls after the steps that the check runs."""
    t = 0

    def update(oracle, state, theta):
        nonlocal t
        t += 1
        return theta - learning_rate / (max(t - 9, 1)) * oracle.gradient, state

    return optimizer_of(update)


COUNTERS = {
    decay_in_closure: "t",
    decay_in_attribute: "Decay.t",
    decay_in_list: "seen",
    decay_in_iterator: "steps",
    late_decay: "t",
}


@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize(
    ("factory", "variable"), COUNTERS.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_a_counter_in_python_counts_the_steps_of_every_trial(
    make_batch, monkeypatch, factory, variable, engine
):
    """The steps run eagerly, with the reason; also in tiles, and where other lanes end earlier."""
    rates = [0.3, 0.05, 10.0, 30.0]  # the last two diverge, so that lanes could be dropped
    batch = make_batch(Bowl(), factory, seeds=2, budget=60, targets=(), engine=engine, learning_rate=rates)
    assert check_purity(batch) == variable
    batch = batch._replace(python_state=variable)
    record = run_batch(batch)
    assert record.engine[0, 0] == "eager"
    assert f"`{variable}`" in record.engine_reason[0, 0]
    for setting, rate in enumerate(rates[:2]):
        theta = np.array([2.0, 1.0])
        for t in range(1, 61):
            count = max(t - 9, 1) if factory is late_decay else t
            theta = theta - rate / count * 2 * theta
        np.testing.assert_allclose(record.final_theta[:, setting], [theta] * 2, rtol=1e-12)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    np.testing.assert_array_equal(run_batch(batch).final_theta, record.final_theta)


def decay_of_module(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        global module_count  # noqa: PLW0603
        module_count += 1
        return theta - learning_rate / module_count * oracle.gradient, state

    return optimizer_of(update)


def late_decay_of_module(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        module_history.append(None)
        return theta - learning_rate / (2 if len(module_history) > 5000 else 1) * oracle.gradient, state

    return optimizer_of(update)


def numpy_noise(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        noise = torch.from_numpy(np.random.randn(*theta.shape))
        return theta - learning_rate * (oracle.gradient + noise), state

    return optimizer_of(update)


def unseeded_noise(learning_rate: float = 0.1):
    def update(oracle, state, theta):
        noise = torch.from_numpy(np.random.default_rng().standard_normal(theta.shape))
        return theta - learning_rate * (oracle.gradient + noise), state

    return optimizer_of(update)


def torch_noise(learning_rate: float = 0.1):
    return optimizer_of(lambda oracle, state, theta: (theta + torch.randn_like(theta), state))


def noise_in_init(learning_rate: float = 0.1):
    return sgd(learning_rate)._replace(
        init=lambda theta: Held(torch.rand_like(theta)),
        update=lambda oracle, state, theta: (theta - state.value, state),
    )


def wall_clock(learning_rate: float = 0.1):
    started = time.time()

    def update(oracle, state, theta):
        rate = learning_rate if time.time() - started < 1e6 else 0.0
        return theta - rate * oracle.gradient, state

    return optimizer_of(update)


def clock_of_the_day(learning_rate: float = 0.1):
    return optimizer_of(lambda oracle, state, theta: (theta + 1e-9 * (time.time() % 1e6), state))


def entropy(learning_rate: float = 0.1):
    return optimizer_of(
        lambda oracle, state, theta: (theta + os.urandom(8)[0] + 256 * os.urandom(8)[0], state)
    )


def generator_of_its_own(learning_rate: float = 0.1):
    generator = torch.Generator().manual_seed(0)

    def update(oracle, state, theta):
        return theta + torch.randn(theta.shape, generator=generator, dtype=theta.dtype), state

    return optimizer_of(update)


def counting_trial(learning_rate: float = 0.1):
    return decay_in_closure(learning_rate)._replace(per_trial=True)


def counting_answers(learning_rate: float = 0.1):
    looks = []

    def answer(state, theta):
        looks.append(None)
        return theta / len(looks)

    return sgd(learning_rate)._replace(answer=answer)


def stateful_noise(learning_rate: float = 0.1):
    return torch_noise(learning_rate)._replace(stateful=True)


DECLARED = r"Optimizer\(make_draws=…\) and read oracle.draw"
OPTIMIZERS = {
    decay_of_module: "changes `module_count` in Python, which outlives the trial",
    late_decay_of_module: "changes `module_history` in Python.*keep it in the state",
    numpy_noise: f"NumPy's global generator.*{DECLARED}",
    unseeded_noise: f"generator of its own.*{DECLARED}",
    torch_noise: f"torch's global generator.*{DECLARED}",
    noise_in_init: f"torch's global generator.*{DECLARED}",
    wall_clock: "the clock",
    clock_of_the_day: "the clock",
    entropy: "generator of its own",
    generator_of_its_own: f"`generator`.*{DECLARED}",
    counting_trial: "changes `t` in Python, .*builds it again in every step",
    counting_answers: "changes `looks` in Python, which changes with each measurement",
    stateful_noise: "torch's global generator",
}


@pytest.mark.parametrize(
    ("factory", "sentence"), OPTIMIZERS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_an_impure_optimizer_is_rejected(make_batch, factory, sentence):
    """The sentence names the optimizer, the generator or variable, and the way out."""
    batch = make_batch(Bowl(), factory, seeds=2, learning_rate=[0.1, 0.2])
    states = torch.get_rng_state(), np.random.get_state()[1], random.getstate()
    with pytest.raises(ContractError, match=f"'{factory.__name__}'.*{sentence}"):
        check_purity(batch)
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1] == np.random.get_state()[1]).all()
    assert states[2] == random.getstate()


class NumpyLoss(Bowl):
    def make_draws(self, generator, steps):
        return torch.zeros(steps)

    def loss(self, theta, data, draw):
        return self.objective(theta, data) + np.random.randn()


class DropoutObjective(Bowl):
    def objective(self, theta, data):
        return torch.nn.functional.dropout(theta, 0.5).square().sum(-1)


class GlobalStart(Bowl):
    def make_start(self, generator):
        return torch.tensor([random.random(), 1.0], dtype=torch.float64)


class RandomData(Bowl):
    def make_data(self, generator):
        return torch.tensor([random.random()])


class UnseededDraws(Bowl):
    def make_draws(self, generator, steps):
        return torch.rand(steps, dtype=torch.float64)


class SharedNoise(Bowl):
    def shared_data(self):
        return torch.randn(3, dtype=torch.float64)


class MovingOptimum(Bowl):
    def optimum(self, data):
        return -torch.rand(())


class CountingLoss(Bowl):
    def objective(self, theta, data):
        global module_count  # noqa: PLW0603
        module_count += 1
        return super().objective(theta, data)


class Caching(Bowl):
    """A pure cache, filled by the first evaluation."""

    cache = {}  # noqa: RUF012 (as users write it)

    def objective(self, theta, data):
        self.cache.setdefault(theta.shape[-1], torch.ones(theta.shape[-1], dtype=torch.float64))
        return (self.cache[theta.shape[-1]] * theta.square()).sum(-1)


class ModuleStart(Bowl):
    """torch initializes a module from its global generator, which the engine seeds for each instance."""

    def make_start(self, generator):
        return torch.nn.Linear(2, 1, bias=False).weight.detach().flatten().double()


PROBLEMS = {
    NumpyLoss: "loss of problem.*NumPy's global generator.*make_draws",
    DropoutObjective: "objective of problem.*torch's global generator.*make_draws",
    GlobalStart: "make_start of problem.*Python's global generator.*argument `generator`",
    RandomData: "make_data of problem.*Python's global generator.*argument `generator`",
    UnseededDraws: "make_draws of problem.*torch's global generator.*argument `generator`",
    SharedNoise: "shared_data of problem.*torch's global generator.*fixed seed",
    MovingOptimum: "optimum of problem.*torch's global generator",
    CountingLoss: "problem 'countingloss' changes `module_count` in Python",
}


@pytest.mark.parametrize(
    ("problem", "sentence"), PROBLEMS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_an_impure_problem_is_rejected(make_batch, problem, sentence):
    """Whatever the optimizer."""
    with pytest.raises(ContractError, match=sentence):
        check_purity(make_batch(problem(), sgd, seeds=2, learning_rate=[0.1]))


def test_noise_in_a_gradient_is_found(make_batch):
    """It belongs to another plugin than problem and optimizer."""
    noisy = Gradient(lambda function, theta: (function(theta), 2 * theta + torch.randn_like(theta)))
    with pytest.raises(ContractError, match="torch's global generator"):
        check_purity(make_batch(Bowl(), sgd, gradient=noisy, learning_rate=[0.1]))


@pytest.mark.parametrize("problem", [Bowl, Caching, ModuleStart, Quadratic, Quartic])
@pytest.mark.parametrize("factory", [sgd, adam])
def test_pure_plugins_pass(make_batch, problem, factory):
    """Caches are pure once they are filled."""
    assert check_purity(make_batch(problem(), factory, seeds=3, learning_rate=[0.1, 0.2])) is None


WEIGHTS = torch.linspace(0.5, 1.5, 2, dtype=torch.bfloat16)


class Short(NamedTuple):
    """A momentum of two bytes a number."""

    momentum: torch.Tensor


def short_momentum(learning_rate: float = 0.1):
    """Momentum kept in bfloat16, with constants of the module in that type, which NumPy does not have."""

    def update(oracle, state, theta):
        momentum = (0.9 * state.momentum.to(theta.dtype) + WEIGHTS * oracle.gradient).bfloat16()
        return theta - learning_rate * momentum.to(theta.dtype), Short(momentum)

    return Optimizer(init=lambda theta: Short(torch.zeros_like(theta, dtype=torch.bfloat16)), update=update)


def test_numbers_of_types_that_numpy_does_not_have_are_compared(make_batch):
    """Rules that keep their state in bfloat16 save memory."""
    assert check_purity(make_batch(Bowl(), short_momentum, seeds=3, learning_rate=[0.1, 0.2])) is None


def test_state_of_a_stateful_optimizer_is_its_own_business(make_batch):
    """It runs one trial at a time, from a new call of the factory."""

    def stateful(learning_rate: float = 0.1):
        return decay_in_closure(learning_rate)._replace(stateful=True)

    batch = make_batch(Bowl(), stateful, seeds=2, targets=(), budget=5, learning_rate=[0.3])
    assert check_purity(batch) is None
    theta = np.array([2.0, 1.0])
    for t in range(1, 6):
        theta = theta - 0.3 / t * 2 * theta
    np.testing.assert_allclose(run_batch(batch).final_theta[:, 0], [theta] * 2, rtol=1e-12)


def test_code_that_raises_is_left_to_the_trials(make_batch):
    """They record its traceback."""

    def broken(learning_rate: float = 0.1):
        return optimizer_of(lambda oracle, state, theta: 1 / 0)

    assert check_purity(make_batch(Bowl(), broken, learning_rate=[0.1])) is None


def test_late_use_of_a_global_generator_is_noticed(run):
    """The state of the generator after the trials shows it, even if the checks missed it."""

    def late_noise(learning_rate: float = 0.1):
        t = 0

        def update(oracle, state, theta):
            nonlocal t
            t += 1
            return (theta + np.random.randn() if t > 20 else theta), state

        return optimizer_of(update)

    with pytest.raises(ContractError, match="NumPy's global generator"), without_global_randomness():
        run(Bowl(), late_noise, budget=30, learning_rate=[0.1])
    with without_global_randomness():
        run(ModuleStart(), adam, budget=30, learning_rate=[0.1])


def test_an_import_that_draws_is_no_randomness(run, tmp_path, monkeypatch):
    """As that of rich, which scikit-learn imports with its data; a function that draws is found, also if it imports."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("drawn_at_import", "drawn_at_call"):
        (tmp_path / f"{name}.py").write_text(
            "import random\nNUMBER = random.random()\ndraw = random.random\n"
        )

    class Importing(Bowl):
        def make_start(self, generator):
            importlib.import_module("drawn_at_import")
            return super().make_start(generator)

    @functools.cache
    def loaded():
        return importlib.import_module("drawn_at_call").draw()

    class Drawing(Bowl):
        def make_start(self, generator):
            return super().make_start(generator) + loaded()

    finders = list(sys.meta_path)
    try:
        with without_global_randomness():
            run(Importing(), adam, budget=2, learning_rate=[0.1])
        assert "drawn_at_import" in sys.modules
        with pytest.raises(ContractError, match=r"the module random"), without_global_randomness():
            run(Drawing(), adam, budget=2, learning_rate=[0.1])
        assert sys.meta_path == finders
    finally:
        for name in ("drawn_at_import", "drawn_at_call"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("is_checked", [True, False])
def test_a_compiled_step_that_eager_steps_do_not_confirm_is_given_up(make_batch, no_inductor, is_checked):
    """The first steps show a value that differs in the trace, of any origin."""

    def two_faced(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            factor = 1.0 if type(theta) is torch.Tensor else 0.5
            return theta - learning_rate * factor * oracle.gradient, state

        return optimizer_of(update)

    fields = {"engine": "compiled", "budget": 20, "targets": (), "learning_rate": [0.1, 1e6]}
    batch = make_batch(Bowl(), two_faced, seeds=2, **fields)
    record = run_batch(batch._replace(third_party=is_checked))
    is_right = np.allclose(record.final_theta[:, 0], np.array([2.0, 1.0]) * 0.8**20, rtol=1e-12)
    assert is_right == is_checked
    assert (record.engine[0, 0] == "eager") == is_checked
    if is_checked:
        assert record.fallback_reason[0, 0].startswith("its compiled step disagrees with eager steps: ")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compiled_steps_are_confirmed_up_to_rounding(make_batch, no_inductor, dtype):
    """Also in lanes that diverge."""
    for problem, factory in ((Bowl(), sgd), (Quartic(), adam), (Quartic(), sgd), (Quadratic(), adam)):
        rates = [1e-6, 1e-2, 1.0, 1e2]
        batch = make_batch(
            problem, factory, seeds=3, budget=30, engine="compiled", dtype=dtype, learning_rate=rates
        )
        assert set(run_batch(batch._replace(third_party=True)).engine.flat) == {"compiled"}
