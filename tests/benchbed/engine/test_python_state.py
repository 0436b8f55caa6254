"""Snapshots find every variable that a function can change, and nothing else changes them."""

import array
import collections
import contextvars
import ctypes
import functools
import io
import itertools
import queue
import random
import threading
import types
import weakref

import numpy as np
import pytest
import torch

from benchbed.engine.python_state import changed_variable, snapshot

count = 0
namespace = types.SimpleNamespace(count=0)
history = []


class Rule:
    def __init__(self):
        self.count = 0

    def update(self):
        self.count += 1


class Slots:
    __slots__ = ("count",)

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


class Total:
    total = 0

    def update(self):
        Total.total += 1


def nonlocal_counter():
    t = 0

    def update():
        nonlocal t
        t += 1

    return update


def global_counter():
    def update():
        global count  # noqa: PLW0603
        count += 1

    return update


def attribute_of_function():
    def update():
        update.count += 1

    update.count = 0
    return update


def attribute_of_namespace():
    def update():
        namespace.count += 1

    return update


def growing_list():
    return lambda: history.append(1)


def bounded_deque():
    recent = collections.deque([0], maxlen=1)
    return lambda: recent.append(recent[-1] + 1)


def default_argument():
    def update(counts=[0]):  # noqa: B006 (as users write it)
        counts[0] += 1

    return update


def tensor_in_place():
    steps = torch.zeros(2)
    return lambda: steps.add_(1)


def large_tensor_in_place():
    velocity = torch.zeros(1 << 19)
    return lambda: velocity.add_(1)


def array_in_place():
    steps = np.zeros(2)

    def update():
        steps[:] += 1

    return update


def last_of_a_large_array():
    steps = np.zeros(1 << 22)

    def update():
        steps[-1] += 1

    return update


def array_of_objects():
    steps = np.array([None, [0]], dtype=object)
    return lambda: steps[1].append(1)


def bytes_in_place():
    steps = bytearray(4)

    def update():
        steps[0] += 1

    return update


def view_in_place():
    steps = memoryview(bytearray(4))

    def update():
        steps[0] += 1

    return update


def array_of_python():
    steps = array.array("d", [0.0])

    def update():
        steps[0] += 1

    return update


def number_of_c():
    steps = ctypes.c_double(0.0)

    def update():
        steps.value += 1

    return update


def variable_of_a_thread():
    local = threading.local()
    local.count = 0

    def update():
        local.count += 1

    return update


def variable_of_a_context():
    variable = contextvars.ContextVar("variable", default=0)
    return lambda: variable.set(variable.get() + 1)


def file_in_memory():
    file = io.StringIO()
    return lambda: file.write(".")


def semaphore():
    permits = threading.Semaphore(9)
    return permits.acquire


def queue_of_python():
    steps = queue.SimpleQueue()
    return lambda: steps.put(1)


RULE = Rule()


def weak_reference():
    reference = weakref.ref(RULE)
    return lambda: reference().update()


def partial_of_method():
    return functools.partial(Rule().update)


def iterator():
    rates = itertools.cycle([0.1, 0.2])
    return lambda: next(rates)


def batch_norm():
    layer = torch.nn.BatchNorm1d(2)
    return lambda: layer(torch.ones(4, 2))


def nested_function():
    inner = nonlocal_counter()

    def update():
        def helper():
            inner()

        helper()

    return update


CHANGING = {
    nonlocal_counter: "t",
    global_counter: "count",
    attribute_of_function: "update.count",
    lambda: Rule().update: "Rule.count",
    Slots: "Slots",
    lambda: Total().update: "Total.total",
    attribute_of_namespace: "namespace.count",
    growing_list: "history",
    bounded_deque: "recent",
    default_argument: "default of update",
    tensor_in_place: "steps",
    large_tensor_in_place: "velocity",
    array_in_place: "steps",
    last_of_a_large_array: "steps",
    array_of_objects: "steps",
    bytes_in_place: "steps",
    view_in_place: "steps",
    array_of_python: "steps",
    number_of_c: "steps",
    variable_of_a_thread: "local.count",
    variable_of_a_context: "variable",
    file_in_memory: "file",
    semaphore: "Semaphore._value",
    queue_of_python: "steps",
    weak_reference: "reference.count",
    partial_of_method: "Rule.count",
    iterator: "rates",
    batch_norm: "layer._buffers['running_mean']",
    nested_function: "t",
}


@pytest.mark.parametrize(("make", "name"), CHANGING.items(), ids=range(len(CHANGING)))
def test_a_changed_variable_is_found_by_its_name(make, name):
    """Wherever a function keeps it."""
    function = make()
    before = snapshot(function)
    function()
    variable = changed_variable(before, snapshot(function))
    assert (variable.name, variable.is_generator) == (name, False)


@pytest.mark.parametrize(
    "generator",
    [
        torch.Generator().manual_seed(0),
        np.random.default_rng(0),
        np.random.RandomState(0),
        random.Random(0),
        random.SystemRandom(),
    ],
    ids=["torch", "NumPy", "NumPy's older", "Python", "the system"],
)
def test_a_random_generator_is_found(generator):
    """It is told from other variables, since draws have another remedy."""

    def update():
        if isinstance(generator, torch.Generator):
            return torch.rand(1, generator=generator)
        return generator.random()

    before = snapshot(update)
    update()
    assert changed_variable(before, snapshot(update))._replace(token=None) == ("generator", None, True)


@functools.lru_cache
def squared(number):
    return number**2


def test_a_pure_function_changes_nothing():
    """Nor does a cache, NaN, or the library that it calls."""
    constants = {"nan": float("nan"), "tensor": torch.tensor([float("nan")]), "names": {"a", "b"}}

    def update():
        return squared(2), constants, torch.ones(2), np.ones(2), random.__name__, len(history)

    before = snapshot(update)
    update()
    assert changed_variable(before, snapshot(update)) is None


def test_objects_that_contain_themselves_end():
    """Each object is visited once."""
    chain = []
    chain.append(chain)
    assert len(snapshot(lambda: chain)) < 10
