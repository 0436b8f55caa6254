"""Check an optimizer: one update from identical inputs, in batches of several sizes, alone, and twice."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchbed.catalog import hyperparameters_of
from benchbed.catalog.validation import factory_arguments
from benchbed.engine.adapters import Rule, StepContext, make_rule
from benchbed.engine.oracle import CountingOracle
from benchbed.engine.pytrees import Tree, leaves, map_tensors
from benchbed.engine.sampling import Draws
from benchbed.gradients import reverse
from benchbed.interfaces import Layout, Optimizer, OptimizerFactory
from benchbed.testing.claims import claim, claim_close, same_twice, untouched, without_global_randomness

LAYOUT = Layout({"weight": (3, 4), "bias": (3,)})
"""Where rules are tried: a matrix and a vector, as in a layer of a network."""
SEEDS, SETTINGS, STEPS = 4, 5, 7


class Trial(NamedTuple):
    """A rule bound to lanes `[seeds, settings]`, at a point in the middle of its way."""

    rule: Rule
    theta: Tensor
    state: Tree


class Subject:
    """A factory under test, with the hyperparameters it is tried with."""

    def __init__(self, factory: OptimizerFactory, given: Mapping[str, Any]) -> None:
        self.factory = factory
        self.name = getattr(factory, "__name__", str(factory))
        parameters = hyperparameters_of(factory)
        values = {name: given.get(name, parameter.default) for name, parameter in parameters.items()}
        self.statics = factory_arguments(
            factory, {n: v for n, v in values.items() if parameters[n].static}, LAYOUT
        )
        self.numbers = {name: float(v) for name, v in values.items() if not parameters[name].static}
        self.optimizer: Optimizer[Any] = self.build(self.numbers)

    def build(self, hyperparameters: Mapping[str, Any]) -> Optimizer[Any]:
        """Call the factory."""
        return self.factory(**self.statics, **hyperparameters)

    def tensors(self, settings: slice) -> dict[str, Tensor]:
        """Give each hyperparameter as `[settings, 1]`, a little different in every lane."""
        spread = torch.linspace(0.5, 1.0, SETTINGS, dtype=torch.float64)[settings, None]
        return {name: spread * value for name, value in self.numbers.items()}

    def at_work(self, seeds: slice, settings: slice, steps: int = STEPS) -> Trial:
        """Take the rule some steps along its way on these lanes."""
        count = 1 if self.optimizer.stateful else len(range(SETTINGS)[settings])
        rule = make_rule(self.build, self.optimizer, self.tensors(settings))
        theta = starts()[seeds, None].expand(-1, count, -1).clone()
        state = rule.init(theta)
        for _ in range(steps):
            theta, state = one_step(rule, theta, state)
        return Trial(rule, theta, state)


def starts() -> Tensor:
    """Give a fixed start for every seed, `[seeds, dimension]`."""
    return torch.randn(
        SEEDS, LAYOUT.dimension, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )


def bowl(theta: Tensor, data: Tree = None, draw: Tree = None) -> Tensor:
    """Give a smooth, uneven loss `[...]` with its minimum away from the origin."""
    curvature = torch.linspace(0.5, 2.0, theta.shape[-1], dtype=theta.dtype)
    return (curvature * (theta - 0.3) ** 2).sum(-1) + torch.cos(theta).sum(-1)


def oracle_at(theta: Tensor) -> CountingOracle:
    """Answer at `theta: [..., dimension]`."""
    loss, gradient = reverse(bowl, theta)
    progress = torch.full((*theta.shape[:-1], 1), 0.25, dtype=theta.dtype)
    return CountingOracle(lambda point: reverse(bowl, point), loss, gradient, lambda: progress)


def one_step(rule: Rule, theta: Tensor, state: Tree) -> tuple[Tensor, Tree]:
    """Make one update of every lane."""
    with torch.no_grad():
        return rule.step(
            oracle_at(theta), state, theta, StepContext(bowl, reverse, None, Draws(), shared=True)
        )


def keeps_its_state(subject: Subject) -> None:
    """State tensors begin with theta's leading dimensions and keep shape and dtype; so does theta, and it is finite."""
    start = subject.at_work(slice(None), slice(None), steps=0)
    _claim_state(subject.name, start.state, start.theta)
    theta, state = one_step(start.rule, start.theta, start.state)
    _claim_like(f"{subject.name}: theta", theta, start.theta)
    _claim_state(subject.name, state, theta)
    old, new = leaves(start.state), leaves(state)
    claim(len(old) == len(new), f"{subject.name}: update gives {len(new)} state tensors for {len(old)}")
    for before, after in zip(old, new, strict=True):
        _claim_like(f"{subject.name}: a state tensor", after, before)
    later = subject.at_work(slice(None), slice(None)).theta
    claim(
        bool(torch.isfinite(later).all()),
        f"{subject.name}: theta is not finite after {STEPS} steps on a smooth bowl",
    )


def is_the_same_at_other_lane_counts(subject: Subject) -> None:
    """One update from identical inputs is the same for some lanes as for all of them."""
    trial = subject.at_work(slice(None), slice(None))
    whole = one_step(trial.rule, trial.theta, trial.state)
    for seeds, settings in (
        (slice(0, 2), slice(None)),
        (slice(None), slice(1, 3)),
        (slice(2, 3), slice(4, 5)),
    ):
        rule = make_rule(subject.build, subject.optimizer, subject.tensors(settings))
        theta, state = _lanes((trial.theta, trial.state), seeds, settings)
        part = one_step(rule, theta, state)
        claim_close(part, _lanes(whole, seeds, settings), f"{subject.name}: one update of fewer lanes")


def is_the_same_alone(subject: Subject) -> None:
    """One update of a lane equals the update of that trial alone, without leading dimensions."""
    trial = subject.at_work(slice(None), slice(None))
    whole = one_step(trial.rule, trial.theta, trial.state)
    for seed, setting in ((0, 0), (3, 4)):
        numbers = {name: value[setting] for name, value in subject.tensors(slice(None)).items()}
        theta, state = map_tensors(lambda leaf, at=(seed, setting): leaf[at], (trial.theta, trial.state))
        with torch.no_grad():
            alone = subject.build(numbers).update(oracle_at(theta), state, theta)
        claim_close(
            alone,
            map_tensors(lambda leaf, at=(seed, setting): leaf[at], whole),
            f"{subject.name}: one update of a single trial",
        )


def answers_in_shape(subject: Subject) -> None:
    """The answer has theta's shape and dtype."""
    trial = subject.at_work(slice(0, 1), slice(0, 1))
    answer = trial.rule.answer(trial.state, trial.theta)
    _claim_like(f"{subject.name}: answer", answer, trial.theta)


def is_deterministic(subject: Subject) -> None:
    """The same way gives the same bits, and torch's global generator is left alone."""
    lanes = (slice(0, 1), slice(0, 1)) if subject.optimizer.stateful else (slice(None), slice(None))
    with without_global_randomness(subject.name):
        ways = [subject.at_work(*lanes).theta for _ in range(2)]
    same_twice(f"{subject.name}: a few steps", *ways)


def writes_to_no_argument(subject: Subject) -> None:
    """Init, update and answer leave theta, the state and the gradient as they are."""
    trial = subject.at_work(slice(None), slice(None))
    oracle = oracle_at(trial.theta)
    step = StepContext(bowl, reverse, None, Draws(), shared=True)
    with (
        torch.no_grad(),
        untouched(f"{subject.name}: update", trial.theta, trial.state, oracle.gradient, oracle.loss),
    ):
        trial.rule.step(oracle, trial.state, trial.theta, step)
    with untouched(f"{subject.name}: init or answer", trial.theta, trial.state):
        trial.rule.init(trial.theta)
        trial.rule.answer(trial.state, trial.theta)


Check = Callable[[Subject], None]
OPTIMIZER_CHECKS: tuple[Check, ...] = (
    # What explains the failures of others comes first.
    keeps_its_state,
    writes_to_no_argument,
    is_deterministic,
    is_the_same_at_other_lane_counts,
    is_the_same_alone,
    answers_in_shape,
)
STATEFUL_CHECKS: tuple[Check, ...] = (answers_in_shape, is_deterministic)
"""What holds for rules with any state, which run one trial at a time."""


def check_optimizer(factory: OptimizerFactory, **hyperparameters: Any) -> None:
    """Check a factory at its defaults but for `hyperparameters`. Raises: ConformanceError at the first broken rule."""
    subject = Subject(factory, hyperparameters)
    for check in STATEFUL_CHECKS if subject.optimizer.stateful else OPTIMIZER_CHECKS:
        check(subject)


def _lanes(tree: Tree, seeds: slice, settings: slice) -> Tree:
    return map_tensors(lambda leaf: leaf[seeds, settings], tree)


def _claim_state(name: str, state: Tree, theta: Tensor) -> None:
    claim(isinstance(state, tuple) and hasattr(state, "_fields"), f"{name}: its state is no NamedTuple")
    for leaf in leaves(state):
        claim(
            leaf.shape[:2] == theta.shape[:2],
            f"{name}: a state tensor of shape {tuple(leaf.shape)} does not begin with theta's leading dimensions "
            f"{tuple(theta.shape[:2])}",
        )


def _claim_like(what: str, after: Tensor, before: Tensor) -> None:
    claim(
        after.shape == before.shape and after.dtype == before.dtype,
        f"{what} changes from {tuple(before.shape)} {before.dtype} to {tuple(after.shape)} {after.dtype}",
    )
