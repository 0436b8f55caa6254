"""Make an instance or two of a problem, to learn what a plan must say of it before anything runs."""

import contextlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils import _pytree as pytree  # torch's own trees, by which the engine walks data as well

from benchbed.interfaces import Problem


class Traits(NamedTuple):
    """What an instance shows of its problem."""

    has_optimum: bool
    seedless: bool
    """Start and data are the same whatever the seed."""


class _Made(NamedTuple):
    thing: Any
    drew: bool
    """A generator was used."""


def traits_of(problem: Problem) -> Traits:
    """Make the data of one instance, and of a second one only where the first drew nothing.

    A problem is seedless if its start and data draw from no generator and come out equal from two that are seeded
    differently (a seed may also be read off a generator). What draws, and agrees all the same, may agree by chance:
    such a problem counts as one that depends on its seed, and runs on all of them. So does one whose start cannot be
    made: its trials will say why.
    """
    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints is no part of the product
        shared = problem.shared_data()
        data = _make(problem.make_data, 0) if shared is None else _Made(shared, drew=False)
        return Traits(
            has_optimum=problem.optimum(data.thing) is not None,
            seedless=_has_one_start(problem) and (shared is not None or _is_fixed(problem.make_data, data)),
        )


def _has_one_start(problem: Problem) -> bool:
    try:
        return _is_fixed(problem.make_start, _make(problem.make_start, 0))
    except (Exception, SystemExit):  # noqa: BLE001 (a plugin may raise anything; its trials raise it again, and keep it)
        return False


def _is_fixed(make: Callable[[Generator], Any], first: _Made) -> bool:
    if first.drew:
        return False
    second = _make(make, 1)
    return not second.drew and _are_equal(first.thing, second.thing)


def _make(make: Callable[[Generator], Any], seed: int) -> _Made:
    # A module's own initialisation uses the global generator: it is lent one, as the engine does, and watched too.
    generator = Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        fresh = generator.get_state()
        thing = make(generator)
        states = generator.get_state(), torch.default_generator.get_state()
    return _Made(thing, drew=not all(torch.equal(state, fresh) for state in states))


def _are_equal(one: Any, other: Any) -> bool:
    ours, theirs = pytree.tree_leaves(one), pytree.tree_leaves(other)
    return len(ours) == len(theirs) and all(map(_is_equal, ours, theirs))


def _is_equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    return one is other
