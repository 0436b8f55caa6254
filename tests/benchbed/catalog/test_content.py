"""The content of objects: equal in every process, and different if a number could be."""

import functools
import subprocess
import sys
import threading
from types import ModuleType
from typing import TypeVar

import pytest
import torch

from benchbed.catalog.content import is_importable, read_content
from benchbed.errors import UsageError
from benchbed_optimizers.adam import adam

SOURCE = """
import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.interfaces import Layout, Optimizer, Problem, torch_optimizer

FACTOR = 2.0
TABLE = np.arange(3.0)
WORDS = {"b", "a", "c"}


class State(NamedTuple):
    velocity: Tensor


def damped(x):
    return x / FACTOR if "a" in {"a", "b", "c"} else TABLE


class Rule(torch.optim.SGD):
    limits = frozenset(["x", "y", "z"])

    @property
    def size(self):
        return len(self.param_groups)

    @functools.cached_property
    def cached(self):
        return super().state

    @staticmethod
    def power(x):
        return x**2

    @functools.cache
    def kept(self):
        return Rule.power(3)


@dataclass(frozen=True)
class Bowl(Problem):
    size: int = 2
    layout = Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.zeros(2)

    def objective(self, theta, data):
        return theta.square().sum(-1)


def make(scale):
    def rule(learning_rate: float = 0.1, power=lambda x: x):
        def update(oracle, state, theta):
            return theta - scale * damped(oracle.gradient), State(theta)

        return Optimizer(init=lambda theta: State(theta), update=update)

    return rule


RULE = make(torch.ones(2))


def recursive(n=1):
    return recursive(n - 1) if n else (WORDS, Rule, Bowl)


CONTENTS = [RULE, Rule, Bowl, Bowl(3), recursive, functools.partial(RULE, learning_rate=0.5), RULE(learning_rate=2.0)]
"""
READ = """
from benchbed.catalog.content import read_content
print([read_content(value).digest for value in CONTENTS])
"""


def digests_in_another_process(source, folder, hash_seed):
    path = folder / f"script{hash_seed}.py"
    path.write_text(source + READ)
    command = [sys.executable, "-P", path.name]
    process = subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_a_digest_is_the_same_in_every_process(tmp_path):
    """Neither the order of sets, nor lines, nor the name of the file matter: the trials of a script are kept."""
    moved = "# a comment\n\n" + SOURCE.replace("def damped", "\n\ndef damped")
    first = digests_in_another_process(SOURCE, tmp_path, "1")
    assert first == digests_in_another_process(moved, tmp_path, "2")
    assert len(set(first.split(","))) == 7


def rules_of(source, module="__main__"):
    """Return the rule and the function that a source defines, as in a notebook, whose code is in no file."""
    namespace = {"__name__": module}
    exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    return namespace["RULE"], namespace["recursive"]


@pytest.mark.parametrize(
    ("line", "changed", "is_seen_by"),
    [
        ("FACTOR = 2.0", "FACTOR = 3.0", (True, False)),
        ("np.arange(3.0)", "np.arange(4.0)", (True, False)),
        ("learning_rate: float = 0.1", "learning_rate: float = 0.2", (True, False)),
        ("torch.ones(2)", "torch.zeros(2)", (True, False)),
        ("lambda x: x)", "lambda x: -x)", (True, False)),
        ("x / FACTOR", "x * FACTOR", (True, False)),
        ("velocity: Tensor", "momentum: Tensor", (True, False)),
        ("x**2", "x**3", (False, True)),
        ('["x", "y"', '["w", "y"', (False, True)),
        ("len(self.param_groups)", "1", (False, True)),
        ("super().state", "super().defaults", (False, True)),
        ("Rule.power(3)", "Rule.power(4)", (False, True)),
        ("theta.square().sum(-1)", "theta.square().mean(-1)", (False, True)),
        ("if n else", "if n > 0 else", (False, True)),
        ('{"b", "a", "c"}', '{"b", "a"}', (False, True)),
    ],
)
def test_a_change_of_anything_that_is_used_is_seen(line, changed, is_seen_by):
    """In code, constants, defaults, closures, globals, classes and the functions that they name; in nothing else."""
    assert SOURCE.count(line) == 1
    before, after = rules_of(SOURCE), rules_of(SOURCE.replace(line, changed))
    differs = tuple(
        read_content(old).digest != read_content(new).digest for old, new in zip(before, after, strict=True)
    )
    assert differs == is_seen_by


def test_what_can_be_imported_is_read_by_name(monkeypatch):
    """Its module is listed, whose file and version then identify it; a module that is only loaded is copied."""
    content = read_content(functools.partial(adam, beta1=0.5))
    assert "benchbed_optimizers.adam" in content.modules
    assert is_importable(torch.optim.Adam)
    assert is_importable(adam)
    module = ModuleType("loaded_only")
    monkeypatch.setitem(sys.modules, "loaded_only", module)
    module.rule, module.recursive = rules_of(SOURCE, "loaded_only")
    for function in (module.rule, module.recursive):
        assert not is_importable(function)
        # The methods of a NamedTuple are functions of `collections`, which cannot be copied as a whole.
        assert read_content(function).copied_modules == ("loaded_only",)


def test_a_module_of_no_file_is_content(monkeypatch):
    """It is copied with its functions; two that refer to each other are read once."""

    def reading(rate, name="made_by_hand"):
        module, other = ModuleType(name), ModuleType("other")
        module.other, other.module = other, module
        exec(f"def rate(): return {rate}", other.__dict__)
        return lambda: module.other.rate() + 0

    def importing():
        import made_by_hand

        return made_by_hand

    assert read_content(reading(0.1)).digest == read_content(reading(0.1)).digest
    assert read_content(reading(0.1)).digest != read_content(reading(0.3)).digest
    assert read_content(reading(0.1)).modules == ()
    function = reading(0.1)
    monkeypatch.setitem(sys.modules, "made_by_hand", function.__closure__[0].cell_contents)
    assert "made_by_hand" in read_content(function).copied_modules
    with pytest.raises(UsageError, match="it imports made_by_hand, which another process cannot import"):
        read_content(importing)


def caught(function):
    try:
        function(1)
        function(2)
    except ValueError:
        function(3)


def not_caught(function):
    try:
        function(1)
    except ValueError:
        function(3)
    else:
        function(2)


class Registered(type):
    """A metaclass."""


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ({}, []),
        ({"a": 1}, [("a", 1)]),
        ({1}, frozenset([1])),
        (type("Class", (), {}), Registered("Class", (), {})),
        (caught.__code__, not_caught.__code__.replace(co_name="caught", co_qualname="caught")),
        (torch.tensor([1j]), torch.tensor([1j]).conj()),
    ],
)
def test_other_values_have_other_digests(value, other):
    """Of another type, metaclass, or range of a `try`."""
    assert read_content(value).digest != read_content(other).digest


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.bool, torch.complex64])
def test_the_numbers_of_a_tensor_count(dtype):
    """In any dtype, with their shape, and not how they are stored."""
    ones, other = torch.ones(2, 3, dtype=dtype), torch.zeros(2, 3, dtype=dtype)
    digests = [read_content(value).digest for value in (ones, other, ones.T, ones.T.contiguous().T)]
    assert digests[0] == digests[3]
    assert len({digests[0], digests[1], digests[2]}) == 3
    assert read_content(ones.flatten()[::2][:1]).digest == read_content(ones[0, :1].clone()).digest


def test_a_value_that_cannot_be_copied_is_an_error():
    """With its type."""
    lock = threading.Lock()
    with pytest.raises(UsageError, match="it contains a lock, which cannot be copied"):
        read_content(lambda: lock)
    with pytest.raises(
        UsageError, match=r"it contains a tensor with the layout torch.sparse_coo; keep it dense"
    ):
        read_content(torch.eye(2).to_sparse())


def test_a_type_variable_is_its_name():
    """Also one of the program, which `cloudpickle` copies."""
    variables = [TypeVar("Value"), TypeVar("Value"), TypeVar("Other")]
    for variable in variables:
        variable.__module__ = "__main__"
    digests = [read_content(variable).digest for variable in variables]
    assert digests[0] == digests[1] != digests[2]
