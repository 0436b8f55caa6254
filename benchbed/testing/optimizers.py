"""Checks of an optimizer: updates from identical inputs in batches of several sizes, for a single trial, and twice."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchbed.catalog.factories import as_factory
from benchbed.catalog.names import quoted
from benchbed.catalog.parameters import factory_arguments, hyperparameters_of
from benchbed.engine.adapters import Rule, StepContext, make_rule, updated
from benchbed.engine.independence import require_state
from benchbed.engine.instance_values import checked_draws
from benchbed.engine.oracle import CountingOracle
from benchbed.engine.purity import FROM_ORACLE
from benchbed.engine.pytrees import Lanes, Tree, map_tensors
from benchbed.engine.sampling import Draws
from benchbed.engine.step import check_update, require_like
from benchbed.engine.trial_comparison import ADVICE, unwritten
from benchbed.errors import UsageError
from benchbed.gradients import reverse
from benchbed.interfaces import Layout, Optimizer, OptimizerFactory
from benchbed.testing import assertions
from benchbed.testing.assertions import require, require_close, require_equal
from benchbed.testing.claims import Claim, check_claims, claims_of

LAYOUT = Layout({"weight": (3, 4), "bias": (3,)})
"""Layout of the test problem: a matrix and a vector, as in a layer of a network."""
SEEDS, SETTINGS, STEPS = 4, 5, 7


class Snapshot(NamedTuple):
    """An optimizer bound to lanes `[seeds, settings]`, with its point and state after some steps."""

    rule: Rule
    theta: Tensor
    state: Tree


class OptimizerUnderTest:
    """A factory with the hyperparameters of the check."""

    def __init__(self, factory: OptimizerFactory, hyperparameters: Mapping[str, Any]) -> None:
        self.factory: OptimizerFactory = as_factory(factory)
        self.name = getattr(factory, "__name__", str(factory))
        parameters = hyperparameters_of(self.factory)
        for name in hyperparameters:
            if name not in parameters:
                names = ", ".join(parameters) or "none"
                raise UsageError(
                    f"{self.name} has no hyperparameter {quoted(name)}; its hyperparameters are: {names}"
                )
        values = {name: parameter.default for name, parameter in parameters.items()} | dict(hyperparameters)
        statics = {name: value for name, value in values.items() if parameters[name].static}
        self.statics = factory_arguments(self.factory, statics, LAYOUT)
        self.numbers = {name: float(value) for name, value in values.items() if not parameters[name].static}
        self.optimizer: Optimizer[Any] = self.build(self.numbers)
        self.draw: Tree = None
        """The optimizer's draw of a step, `[1, 1, …]`, which all lanes and steps share."""
        if self.optimizer.make_draws is not None:
            draws = self.optimizer.make_draws(torch.Generator().manual_seed(1), 1, LAYOUT.dimension)
            self.draw = map_tensors(lambda leaf: leaf[None], checked_draws(draws, 1, self.name))

    def build(self, hyperparameters: Mapping[str, Any]) -> Optimizer[Any]:
        """Build the optimizer."""
        return self.factory(**self.statics, **hyperparameters)

    def tensors(self, settings: slice) -> dict[str, Tensor]:
        """Return each hyperparameter as `[settings, 1]`, with a different value in each lane."""
        factors = torch.linspace(0.5, 1.0, SETTINGS, dtype=torch.float64)[settings, None]
        return {name: factors * value for name, value in self.numbers.items()}

    def run(self, seeds: slice, settings: slice, steps: int = STEPS) -> Snapshot:
        """Run some steps on these lanes."""
        count = 1 if self.optimizer.stateful else len(range(SETTINGS)[settings])
        rule = make_rule(self.build, self.optimizer, self.tensors(settings))
        theta = starts()[seeds, None].expand(-1, count, -1).clone()
        state = rule.init(theta)
        for number in range(steps):
            theta, state = self.step(rule, theta, state, oracle_at(theta, self.draw, number))
        return Snapshot(rule, theta, state)

    def step(
        self, rule: Rule, theta: Tensor, state: Tree, oracle: CountingOracle | None = None
    ) -> tuple[Tensor, Tree]:
        """Update every lane once, by default in the step after those of `run`."""
        context = StepContext(smooth_loss, reverse, None, Draws(optimizer=self.draw), shared=True)
        with torch.no_grad():
            return rule.step(oracle or oracle_at(theta, self.draw), state, theta, context)


def starts() -> Tensor:
    """Return a fixed start for every seed: `[seeds, dimension]`."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(SEEDS, LAYOUT.dimension, generator=generator, dtype=torch.float64)


def smooth_loss(theta: Tensor, data: Tree = None, draw: Tree = None) -> Tensor:
    """Compute a smooth loss with different curvatures and its minimum away from the origin: `[...]`."""
    curvature = torch.linspace(0.5, 2.0, theta.shape[-1], dtype=theta.dtype)
    return (curvature * (theta - 0.3) ** 2).sum(-1) + torch.cos(theta).sum(-1)


def oracle_at(theta: Tensor, draw: Tree, number: int = STEPS) -> CountingOracle:
    """Build the oracle of step `number` at `theta: [..., dimension]` with the optimizer's own draw."""
    loss, gradient = reverse(smooth_loss, theta)
    step = torch.full((*theta.shape[:-1], 1), float(number), dtype=theta.dtype)
    progress = step / (4 * STEPS)
    return CountingOracle(
        lambda point: reverse(smooth_loss, point), loss, gradient, lambda: progress, lambda: step, draw
    )


def check_shapes(subject: OptimizerUnderTest) -> None:
    """Check that state and theta keep shape and dtype and begin with the leading dimensions, and theta stays finite."""
    start = subject.run(slice(None), slice(None), steps=0)
    _require_state(start.state, start.theta)
    theta, state = subject.step(start.rule, *start[1:], oracle_at(start.theta, subject.draw, 0))
    check_update(subject.name, theta, state, Lanes.at(start.theta, start.state), opaque=False)
    _require_state(state, theta)
    later = subject.run(slice(None), slice(None)).theta
    for steps, point in {"1 step": theta, f"{STEPS} steps": later}.items():
        is_finite = bool(torch.isfinite(point).all())
        require(is_finite, f"theta is not finite after {steps} on a smooth loss")


def check_lane_counts(subject: OptimizerUnderTest) -> None:
    """Check that an update of some lanes equals the update of all lanes."""
    snapshot = subject.run(slice(None), slice(None))
    expected = subject.step(snapshot.rule, snapshot.theta, snapshot.state)
    for lanes in (
        (slice(0, 2), slice(None)),
        (slice(None), slice(1, 3)),
        (slice(2, 3), slice(4, 5)),
    ):
        rule = make_rule(subject.build, subject.optimizer, subject.tensors(lanes[1]))
        theta, state = _lanes((snapshot.theta, snapshot.state), lanes)
        for _ in range(STEPS + 1):  # the rule may count its steps in Python, as that of the snapshot has
            subset = subject.step(rule, theta, state)
        require_close(
            subset, _lanes(expected, lanes), "one update of fewer lanes", remedy=_remedy(subject, snapshot)
        )


def check_single_trial(subject: OptimizerUnderTest) -> None:
    """Check that an update of a lane equals that of the single trial without leading dimensions."""
    snapshot = subject.run(slice(None), slice(None))
    expected = subject.step(snapshot.rule, snapshot.theta, snapshot.state)
    for lane in ((0, 0), (3, 4)):
        numbers = {name: value[lane[1]] for name, value in subject.tensors(slice(None)).items()}
        theta, state = _lanes((snapshot.theta, snapshot.state), lane)
        with torch.no_grad():
            oracle = oracle_at(theta, map_tensors(lambda leaf: leaf[0, 0], subject.draw))
            rule = subject.build(numbers)
            for _ in range(STEPS + 1):
                single = updated(rule, oracle, state, theta)
        require_close(
            single, _lanes(expected, lane), "one update of a single trial", remedy=_remedy(subject, snapshot)
        )


def check_answer(subject: OptimizerUnderTest) -> None:
    """Check that the answer has theta's shape and dtype."""
    snapshot = subject.run(slice(0, 1), slice(0, 1))
    require_like("answer changes theta", snapshot.rule.answer(snapshot.state, snapshot.theta), snapshot.theta)


def check_determinism(subject: OptimizerUnderTest) -> None:
    """Check that equal runs return equal bits and do not use torch's global generator."""
    lanes = slice(0, 1) if subject.optimizer.stateful else slice(None)
    with assertions.without_global_randomness("the optimizer"):
        first, second = (subject.run(lanes, lanes).theta for _ in range(2))
    require_equal(first, second, f"{STEPS} steps differ when run again with equal arguments")


def check_no_writes(subject: OptimizerUnderTest) -> None:
    """Check that init, update and answer do not write to theta, state or gradient."""
    rule, theta, state = subject.run(slice(None), slice(None))
    oracle = oracle_at(theta, subject.draw)
    with unwritten("update", theta, state, oracle.gradient, oracle.loss):
        subject.step(rule, theta, state, oracle)
    with unwritten("init or answer", theta, state):
        rule.init(theta)
        rule.answer(state, theta)


OptimizerCheck = Callable[[OptimizerUnderTest], None]
OPTIMIZER_CHECKS: tuple[OptimizerCheck, ...] = (
    # A failure of the first checks explains failures of the later ones.
    check_shapes,
    check_no_writes,
    check_determinism,
    check_lane_counts,
    check_single_trial,
    check_answer,
)
STATEFUL_CHECKS: tuple[OptimizerCheck, ...] = (check_answer, check_determinism)
"""Checks of stateful optimizers, which run one trial at a time."""


def optimizer_claims(factory: OptimizerFactory, **hyperparameters: Any) -> list[Claim]:
    """Return the claims about a factory with its defaults, except for `hyperparameters`.

    Raises: UsageError if the factory has no such hyperparameter.
    """
    subject = OptimizerUnderTest(factory, hyperparameters)
    return claims_of(subject, STATEFUL_CHECKS if subject.optimizer.stateful else OPTIMIZER_CHECKS)


def check_optimizer(factory: OptimizerFactory, **hyperparameters: Any) -> None:
    """Check a factory with its defaults, except for `hyperparameters`.

    Raises: ConformanceError at the first broken rule, UsageError if the factory has no such hyperparameter.
    """
    check_claims(optimizer_claims(factory, **hyperparameters))


def _remedy(subject: OptimizerUnderTest, snapshot: Snapshot) -> str:
    """Return the likely mistake of a rule whose trials differ in another batch."""
    again = subject.run(slice(None), slice(None))
    return ADVICE if torch.equal(again.theta, snapshot.theta) else f"equal batches differ, too: {FROM_ORACLE}"


def _lanes(tree: Tree, lanes: tuple[slice, slice] | tuple[int, int]) -> Tree:
    return map_tensors(lambda leaf: leaf[lanes], tree)


def _require_state(state: Tree, theta: Tensor) -> None:
    is_named_tuple = isinstance(state, tuple) and (not state or hasattr(state, "_fields"))
    require(is_named_tuple, f"its state must be a NamedTuple, not {type(state).__name__}")
    require_state("its init or update", state, theta)
