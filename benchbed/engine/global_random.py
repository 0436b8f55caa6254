"""The random generators that a process shares, and the clock: watched, and set to other values."""

import itertools
import pickle
import random
import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.engine.pytrees import bytes_of
from benchbed.errors import ContractError

CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time")
"""Functions of the module `time`."""
SHIFT_SECONDS = 1_234_567
"""By which the clock moves forward each time it is read, two weeks."""


class _GlobalGenerator(NamedTuple):
    name: str
    read: Callable[[], Any]
    """Return the state."""
    write: Callable[[Any], object]
    seed: Callable[[int], object]
    is_in_use: Callable[[], bool] = lambda: True


GENERATORS = (
    _GlobalGenerator(
        "torch's global generator",
        torch.default_generator.get_state,
        torch.default_generator.set_state,
        torch.default_generator.manual_seed,
    ),
    _GlobalGenerator(
        "torch's global CUDA generator",
        torch.cuda.get_rng_state,
        torch.cuda.set_rng_state,
        torch.cuda.manual_seed,
        torch.cuda.is_initialized,
    ),
    _GlobalGenerator(
        "NumPy's global generator",
        lambda: np.random.get_state(legacy=False),
        np.random.set_state,
        np.random.seed,
    ),
    _GlobalGenerator(
        "Python's global generator (the module random)", random.getstate, random.setstate, random.seed
    ),
)


def generator_states() -> dict[str, Hashable]:
    """Return the states of the global generators by name."""
    return {
        generator.name: _comparable(generator.read()) for generator in GENERATORS if generator.is_in_use()
    }


def moved_generator(before: dict[str, Hashable]) -> str | None:
    """Return the name of a global generator that was used or seeded since `generator_states`; None if none was."""
    now = generator_states()
    return next((name for name in before if before[name] != now[name]), None)


@contextmanager
def watched_generators() -> Iterator[Callable[[], str | None]]:
    """Yield a function that returns the name of a global generator that was used in the context; None if none was.

    Modules may draw when they are imported, as rich does; that does not count, and leaves the generators as they were.
    """
    before, finder = generator_states(), _ImportsApart()
    sys.meta_path.insert(0, finder)
    try:
        yield lambda: moved_generator(before)
    finally:
        sys.meta_path.remove(finder)


class _ImportsApart(MetaPathFinder):
    """Finds modules as the other finders do; their code leaves the global generators as they were."""

    def find_spec(self, *arguments: Any) -> ModuleSpec | None:
        """Return the specification of a module; None if no finder has one."""
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(*arguments) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            execute = spec.loader.exec_module

            def execute_apart(module: ModuleType) -> None:
                with restored_generators():
                    execute(module)

            spec.loader.exec_module = execute_apart  # type: ignore[method-assign]  # each module has its own loader
        return spec


@contextmanager
def restored_generators() -> Iterator[None]:
    """Set the global generators back to their states at the end of the context."""
    states = [(generator, generator.read()) for generator in GENERATORS if generator.is_in_use()]
    try:
        yield
    finally:
        for generator, state in states:
            generator.write(state)


@contextmanager
def other_global_state(variant: int) -> Iterator[None]:
    """Seed the global generators and let the clock run ahead, differently for each `variant`; restore both."""
    clocks = {name: getattr(time, name) for name in CLOCKS}
    with restored_generators():
        try:
            for name, clock in clocks.items():
                unit = 10**9 if name.endswith("_ns") else 1
                setattr(time, name, _shifted(clock, variant * SHIFT_SECONDS * unit))
            for generator in GENERATORS:
                if generator.is_in_use():
                    generator.seed(1 + variant)
            yield
        finally:
            for name, clock in clocks.items():
                setattr(time, name, clock)


def bits_of(run: Callable[[], Any]) -> Hashable:
    """Return the bits of the tensors that a plugin's function returns, or the type of the exception that it raises.

    Raises: ContractError of the engine's checks.
    """
    try:
        result = run()
    except ContractError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 (it is raised again where its trials run)
        return type(error).__name__
    return tuple(
        (leaf.dtype, leaf.shape, bytes_of(leaf)) if isinstance(leaf, torch.Tensor) else repr(leaf)
        for leaf in pytree.tree_leaves(result)
    )


def _shifted(clock: Callable[[], float], shift: int) -> Callable[[], float]:
    readings = itertools.count(1)
    return lambda: clock() + shift * next(readings)


def _comparable(state: Any) -> Hashable:
    return state.numpy().tobytes() if isinstance(state, torch.Tensor) else pickle.dumps(state)
