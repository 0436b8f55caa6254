"""Properties of a problem that are read from one or two of its instances."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.errors import UnknownOptimumError
from benchbed.interfaces import Problem
from benchbed.interfaces.references import ReferenceKind, find_reference
from benchbed.interfaces.transforms import DelegatingProblem, original_of


class ProblemTraits(NamedTuple):
    """Properties that an instance shows of its problem."""

    has_optimum: bool
    seedless: bool
    """Start and data do not depend on the seed."""
    reference: ReferenceKind | None = None
    """Kind of the optimum if it is a stored reference value; None if it is not."""
    reference_fault: str = ""
    """Why a stored reference value does not hold; "" if it does, or there is none."""


class _Sample(NamedTuple):
    value: Any
    is_random: bool
    """A generator was used."""


def traits_of(problem: Problem) -> ProblemTraits:
    """Build the data of one instance, and of a second one only if the first used no generator.

    A problem is seedless if its start and data use no generator and are equal for two generators with different seeds
    (code may also read the seed of a generator). Equal values that use a generator may be equal by chance, so such a
    problem counts as random. So does one whose start raises an exception: its trials raise and record it.
    """
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the output of commands
        shared = problem.shared_data()
        data = _sample(problem.make_data, 0) if shared is None else _Sample(shared, is_random=False)
        try:
            seedless = problem.start_strata == 1 and _is_fixed(
                problem.make_start, _sample(problem.make_start, 0)
            )
        except (Exception, SystemExit):  # noqa: BLE001 (a plugin may raise anything)
            seedless = False
        try:
            has_optimum = problem.optimum(data.value) is not None
        except (Exception, SystemExit):  # noqa: BLE001 (as above: its trials have no score, for this reason)
            has_optimum = True
        reference, fault = _reference_of(problem, data.value)
        return ProblemTraits(
            has_optimum=has_optimum,
            reference=reference,
            reference_fault=fault,
            seedless=seedless and (shared is not None or _is_fixed(problem.make_data, data)),
        )


def _reference_of(problem: Problem, data: Any) -> tuple[ReferenceKind | None, str]:
    """Return the kind of the reference value, None without one, and why a stored one does not hold."""
    if isinstance(problem, DelegatingProblem):
        problem = original_of(problem)
        data = problem.shared_data()
    if type(problem).optimum is not Problem.optimum:
        return None, ""
    try:
        reference = find_reference(problem, data)
    except UnknownOptimumError as error:
        return None, str(error)
    return None if reference is None else reference.kind, ""


def _is_fixed(make: Callable[[Generator], Any], first: _Sample) -> bool:
    if first.is_random:
        return False
    second = _sample(make, 1)
    first_leaves, second_leaves = pytree.tree_leaves(first.value), pytree.tree_leaves(second.value)
    if second.is_random or len(first_leaves) != len(second_leaves):
        return False
    return all(
        torch.equal(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else a is b
        for a, b in zip(first_leaves, second_leaves, strict=True)
    )


def _sample(make: Callable[[Generator], Any], seed: int) -> _Sample:
    """Call `make` with a generator; the global generator, which initializes modules, is watched too and restored."""
    generator = Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        initial = generator.get_state()
        value = make(generator)
        states = generator.get_state(), torch.default_generator.get_state()
    return _Sample(value, is_random=not all(torch.equal(state, initial) for state in states))
