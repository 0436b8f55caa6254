"""Checks that numbers depend on their arguments alone: not on global generators, the clock, or state kept in Python.

Every function of a pairing runs twice on a small batch, under other global generators and another clock.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import perf_counter  # the function itself, since the module's is replaced
from typing import Any, NamedTuple

import torch
from torch import Generator

from benchbed.engine.batch import Batch
from benchbed.engine.global_random import bits_of, other_global_state, watched_generators
from benchbed.engine.oracle import batched
from benchbed.engine.python_state import Variable, changed_variable, snapshot
from benchbed.engine.pytrees import Tree
from benchbed.engine.sampling import Instances, make_start
from benchbed.engine.tile import Tile
from benchbed.errors import ContractError
from benchbed.interfaces import Optimizer

STEPS = 3
"""Steps of an optimizer that are compared."""
LONG_CALL = 0.03
"""Seconds from which a function of a problem is not called a second time."""
FROM_ARGUMENT = "draw from its argument `generator`"
FROM_DRAWS = "draw in make_draws(generator, steps), whose draws `loss` receives"
FROM_ORACLE = "declare the draws with Optimizer(make_draws=…) and read oracle.draw in `update`"
FIXED = "draw from a generator with a fixed seed, such as torch.Generator().manual_seed(0)"
NOT_RANDOM = "compute it from its arguments alone"
IN_STATE = "keep it in the state, the NamedTuple of tensors that `init` and `update` return"


class _Call(NamedTuple):
    """A call of a plugin's function with fixed arguments."""

    subject: str
    """The function and its plugin."""
    remedy: str
    """How the function can be random."""
    run: Callable[[], Tree]


def check_purity(batch: Batch) -> str | None:
    """Return the name of a variable that the optimizer changes in Python, so that its steps must run eagerly; or None.

    Such a variable belongs to one call of the factory. The engine calls the factory for each group of lanes that are
    stepped together, so a counter counts the steps of each trial.

    Raises: ContractError if a number depends on a global generator, the clock, or state that outlives a trial.
    """
    count = 1 if batch.optimizer.stateful else 2
    batch = batch.part(slice(0, count), slice(0, min(count, batch.settings)))._replace(device="cpu")
    instances = Instances(batch.problem, batch.seeds, dtype=getattr(torch, batch.dtype))
    optimizer = _RecordedOptimizer(batch, instances)
    steps = _Call(f"update of {batch.label_of('optimizer')}", FROM_ORACLE, optimizer.run)
    calls = [*_calls_of_problem(batch, instances), steps]
    first, generator = _run_under(0, calls)
    roots: dict[str, Sequence[object]] = {
        batch.label_of("problem"): [batch.problem],
        batch.label_of("gradient"): batch.gradient,
        batch.label_of("optimizer"): [batch.factory],
    }
    before = {name: snapshot(*objects) for name, objects in roots.items()}
    # An objective on much data runs only once; that is enough to see that it uses a global generator.
    quick = [call for call in calls if call is steps or first[call].seconds < LONG_CALL]
    second, later_generator = _run_under(1, quick)
    if generator is not None or later_generator is not None:
        raise ContractError(_explain_difference(calls))
    for name, objects in roots.items():
        variable = changed_variable(before[name], snapshot(*objects))
        if variable is not None:
            raise ContractError(_explain_change(name, variable, "outlives the trial"))
    if any(first[call].bits != second[call].bits for call in quick):
        raise ContractError(_explain_difference(calls))
    return optimizer.changed_variable()


@contextmanager
def without_global_randomness() -> Iterator[None]:
    """Raise ContractError at the end of the context if a global generator was used in it."""
    with watched_generators() as used_generator:
        yield
        generator = used_generator()
    if generator is not None:
        raise ContractError(
            f"the trials use {generator}, so their numbers depend on everything that ran before; in make_start, "
            f"make_data and make_draws of a problem {FROM_ARGUMENT}; for an optimizer {FROM_ORACLE}"
        )


def _calls_of_problem(batch: Batch, instances: Instances) -> Iterator[_Call]:
    # One lane: the objective of all samples may take long.
    problem, data, point = batch.problem, instances.data_of(slice(0, 1)), instances.start[:1, None]
    draws = instances.select([0]).draws.at(0)
    functions: dict[str, tuple[str, Callable[[], Tree]]] = {
        "make_start": (FROM_ARGUMENT, lambda: make_start(problem, batch.seeds[0])),
        "make_draws": (FROM_ARGUMENT, lambda: problem.make_draws(_new_generator(), STEPS)),
        "objective": (FROM_DRAWS, lambda: batched(problem, problem.objective)(point, data)),
        "optimum": (NOT_RANDOM, lambda: problem.optimum(instances.exact_data)),
        "minimizer": (NOT_RANDOM, lambda: problem.minimizer(instances.exact_data)),
    }
    if instances.shared:
        functions["shared_data"] = FIXED, problem.shared_data
    else:
        functions["make_data"] = FROM_ARGUMENT, lambda: problem.make_data(_new_generator())
    if draws is not None:
        functions["loss"] = FROM_DRAWS, lambda: batched(problem, problem.loss)(point, data, draws)
    for name, (remedy, function) in functions.items():
        yield _Call(f"{name} of {batch.label_of('problem')}", remedy, function)
    dimension = problem.layout.dimension
    for name, make in (
        ("the gradient", batch.gradient.make_draws),
        (batch.label_of("optimizer"), batch.optimizer.make_draws),
    ):
        if make is not None:
            draw = partial(lambda make: make(_new_generator(), STEPS, dimension), make)
            yield _Call(f"make_draws of {name}", FROM_ARGUMENT, draw)


def _new_generator() -> Generator:
    return Generator().manual_seed(1)


class _RecordedOptimizer:
    """The steps of an optimizer, with snapshots of the Python state of everything that its factory returns."""

    def __init__(self, batch: Batch, instances: Instances) -> None:
        self._batch, self._instances = batch, instances
        self._built: list[tuple[Optimizer[Any], list[Variable]]] = []

    def run(self) -> Tree:
        """Run some steps; return the points and the state, as far as the engine knows it."""
        self._built = []
        tile = Tile(self._batch._replace(factory=self._build), self._instances)
        lanes, points = tile.start_lanes(), []
        for index in range(min(STEPS, self._batch.budget)):
            lanes = tile.step(lanes, index)
            points.append(lanes.theta)
        before = [snapshot(optimizer.answer) for optimizer, _ in self._built]
        points.append(tile.rule.answer(lanes.state, lanes.theta))
        for snapshot_before, (optimizer, _) in zip(before, self._built, strict=False):
            variable = changed_variable(snapshot_before, snapshot(optimizer.answer))
            if variable is not None:
                raise ContractError(
                    _explain_change(
                        self._batch.label_of("optimizer"), variable, "changes with each measurement"
                    )
                )
        return points, None if tile.rule.opaque else lanes

    def changed_variable(self) -> str | None:
        """Return the name of a variable that the last steps have changed; None if there is none.

        Raises: ContractError if it is a random generator, or its value differs from that in a plain loop.
        """
        for optimizer, before in self._built:
            variable = changed_variable(before, snapshot(*optimizer))
            if variable is None:
                continue
            name = self._batch.label_of("optimizer")
            if optimizer.per_trial:
                raise ContractError(
                    _explain_change(name, variable, "the engine builds it again in every step")
                )
            if variable.is_generator:
                raise ContractError(_explain_change(name, variable, ""))
            if not optimizer.stateful:
                return variable.name
        return None

    def _build(self, *arguments: Any, **keywords: Any) -> Optimizer[Any]:
        optimizer = self._batch.factory(*arguments, **keywords)
        self._built.append((optimizer, snapshot(*optimizer)))
        return optimizer


class _Result(NamedTuple):
    bits: Hashable
    seconds: float


def _run_under(variant: int, calls: Sequence[_Call]) -> tuple[dict[_Call, _Result], str | None]:
    """Return the result of each call, and the name of a global generator that was used; None if none was."""
    results = {}
    with other_global_state(variant), torch.no_grad(), watched_generators() as used_generator:
        for call in calls:
            start_time = perf_counter()
            bits = bits_of(call.run)
            results[call] = _Result(bits, perf_counter() - start_time)
        return results, used_generator()


def _explain_difference(calls: Sequence[_Call]) -> str:
    for call in calls:
        (first, generator), (second, _) = (_run_under(variant, [call]) for variant in (0, 1))
        if generator is not None:
            return (
                f"{call.subject} uses {generator}, whose state depends on all that ran before; {call.remedy}"
            )
        if first[call].bits != second[call].bits:
            return (
                f"{call.subject} returns other numbers when it is called again with equal arguments, as with a random "
                f"generator of its own, the clock, or state kept in Python; {call.remedy}"
            )
    return f"the numbers of {calls[-1].subject} change from run to run; {NOT_RANDOM}"


def _explain_change(name: str, variable: Variable, event: str) -> str:
    label = variable.name or "an object"
    if variable.is_generator:
        return f"{name} draws from its random generator `{label}`, which knows neither seed nor step; {FROM_ORACLE}"
    return f"{name} changes `{label}` in Python, which {event}; {IN_STATE}"
