"""Selectors of the problems and optimizers that a program passes as objects."""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbed.catalog.content import is_importable
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import derived_name, name_fault, prefixed, quoted
from benchbed.catalog.parameters import field_types, is_plain, plain
from benchbed.catalog.passed import write_object
from benchbed.catalog.records import Kind
from benchbed.catalog.torch_references import is_optimizer_class
from benchbed.errors import UsageError
from benchbed.interfaces import FunctionProblem, Optimizer, Problem, TransformedProblem
from benchbed.plan.selectors import format_selector, parse_selector

ProblemChoice = str | Problem | type[Problem] | tuple[str, Problem | type[Problem]]
"""A selector, a problem, or its class; an object may have its name in tables before it, in a pair."""
OptimizerChoice = str | Optimizer[Any] | Callable[..., Any] | tuple[str, Optimizer[Any] | Callable[..., Any]]
"""A selector, a factory, a class of torch, or an optimizer that a factory has returned, possibly in a pair."""


class ObjectSelector:
    """Selectors of objects: those of registered ones, and names for all others, which it writes to files."""

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self.files: list[Path] = []
        self._catalog, self._folder = catalog, folder
        self._passed: dict[tuple[Kind, str], object] = {}
        self._completed: dict[tuple[object, ...], functools.partial[Any]] = {}

    def problems(self, choices: Iterable[ProblemChoice] | None) -> list[str] | None:
        """Return the selectors of problems. Raises: UsageError."""
        return self._select_all("problems", choices, self._problem)

    def optimizers(self, choices: Iterable[OptimizerChoice] | None) -> list[str] | None:
        """Return the selectors of optimizers. Raises: UsageError."""
        return self._select_all("optimizers", choices, self._optimizer)

    def _select_all(
        self, kind: Kind, choices: Any, select: Callable[[Any, str | None], str]
    ) -> list[str] | None:
        if choices is None:
            return None
        is_single = isinstance(choices, str | type | Optimizer)  # an Optimizer is a tuple, too
        if is_single or not isinstance(choices, Iterable):
            raise UsageError(f"{kind} must be a list, and not {quoted(choices)}; put it in brackets")
        return [self._select(kind, choice, select) for choice in choices]

    def _select(self, kind: Kind, choice: Any, select: Callable[[Any, str | None], str]) -> str:
        if isinstance(choice, str):
            return choice
        if type(choice) is not tuple:  # an Optimizer is a tuple, too
            return select(choice, None)
        if len(choice) != 2 or not isinstance(choice[0], str) or isinstance(choice[1], str):
            raise UsageError(f"{kind} contain the tuple {quoted(choice)}; write a pair (name, object)")
        return select(choice[1], choice[0])

    def _problem(self, problem: Any, name: str | None) -> str:
        problem_class = problem if isinstance(problem, type) else type(problem)
        if not issubclass(problem_class, Problem):
            raise UsageError(
                f"problems contain {quoted(problem)}; pass a selector, a subclass of benchbed.interfaces.Problem, or "
                "an instance of one, such as FunctionProblem(function, start)"
            )
        transform = None
        if isinstance(problem, TransformedProblem):
            transform = self._registered("transforms", problem_class, name)
        if transform is not None:
            return self._transformed(transform, problem)
        values = _plain_fields(problem) if isinstance(problem, Problem) else {}
        if values is None:
            named = problem.function if isinstance(problem, FunctionProblem) else problem_class
            return self._name_of("problems", _class_of(problem), name or derived_name(named), problem)
        selected = self._registered("problems", problem_class, name)
        if selected is None:
            selected = self._name_of("problems", problem_class, name or derived_name(problem_class))
        if isinstance(problem, type):
            return selected
        default = problem_class()
        changed = {key: value for key, value in values.items() if value != plain(getattr(default, key))}
        return format_selector(selected, changed)

    def _transformed(self, transform: str, problem: TransformedProblem) -> str:
        """Return the selector of a problem in a registered transform."""
        original = parse_selector(self._problem(problem.problem, None))
        own = {
            prefixed(transform, field.name): plain(_without_arrays(getattr(problem, field.name)))
            for field in dataclasses.fields(problem)
            if field.name != "problem" and getattr(problem, field.name) != field.default
        }
        return format_selector(f"{transform}({original.name})", {**original.parameters, **own})

    def _optimizer(self, optimizer: Any, name: str | None) -> str:
        if isinstance(optimizer, torch.optim.Optimizer):
            label = type(optimizer).__name__
            raise UsageError(
                f"optimizers contain an instance of {label}, which has parameters already; pass the class, or "
                f"functools.partial({label}, …) with its settings"
            )
        if isinstance(optimizer, Optimizer):
            factory = functools.partial(_return, optimizer)
            scope = getattr(optimizer.update, "__qualname__", "").partition(".")[0]
            return self._name_of("optimizers", factory, name or scope.strip("_").replace("_", "-"), optimizer)
        if not callable(optimizer):
            raise UsageError(
                f"optimizers contain {quoted(optimizer)}; pass a selector, a function that returns an Optimizer, or a "
                "class of torch.optim.Optimizer"
            )
        function, keywords = optimizer, {}
        if isinstance(optimizer, functools.partial) and not optimizer.args:
            keywords = {key: _without_arrays(value) for key, value in optimizer.keywords.items()}
            function, keywords = (
                (optimizer.func, keywords) if _are_plain(keywords.values()) else (optimizer, {})
            )
        required = {key: keywords[key] for key in _required(function) if key in keywords}
        if required:  # the selector sets these values, too, but a factory needs defaults
            key = (id(function), *required)
            completed = self._completed.setdefault(key, functools.partial(function, **required))
            selected = self._name_of("optimizers", completed, name or derived_name(function))
        else:
            selected = self._registered("optimizers", function, name) or self._name_of(
                "optimizers", function, name or derived_name(function)
            )
        # A selector fixes these values, also where the learning rate is tuned.
        fixed = {"learning_rate" if key == "lr" else key: value for key, value in keywords.items()}
        return format_selector(selected, fixed)

    def _registered(self, kind: Kind, definition: Any, name: str | None) -> str | None:
        """Return the name of a function or class that needs no file, if the user names no other."""
        if name is not None or not is_importable(definition):
            return None
        label = f"{definition.__module__}:{definition.__qualname__}"
        for entry in self._catalog.entries[kind].values():
            if entry.origin.definition == label:
                return entry.name
        return _class_reference(definition) if is_optimizer_class(definition) else None

    def _name_of(self, kind: Kind, implementation: object, name: str, identity: object = None) -> str:
        """Return the name of an object, for which a file is written at its first use."""
        noun, identity = kind[:-1], implementation if identity is None else identity
        remedy = f'pass it with another name, as a pair ("my-{noun}", object)'
        fault = name_fault(name)
        if fault is not None:
            raise UsageError(f"{noun} {quoted(identity)}: the {fault}; {remedy}")
        if (kind, name) in self._passed:
            if self._passed[kind, name] is identity:
                return name
            raise UsageError(f"two {kind} are named {name!r}; {remedy}")
        if name in self._catalog.entries[kind] or (kind, name) in self._catalog.clashes:
            raise UsageError(f"{noun} {name!r} is that of a plugin, and not the object; {remedy}")
        self.files.append(write_object(self._folder, kind, name, implementation))
        self._passed[kind, name] = identity
        return name


def _required(function: Callable[..., Any]) -> list[str]:
    """List the parameters without a default; none if the signature cannot be read, which a later check reports."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def _return(optimizer: Optimizer[Any]) -> Optimizer[Any]:
    return optimizer


def _class_reference(optimizer_class: type) -> str | None:
    """Return `module:Class` with the shortest module that has the class; None for a nested class."""
    parts = optimizer_class.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        if getattr(sys.modules.get(module), optimizer_class.__name__, None) is optimizer_class:
            return f"{module}:{optimizer_class.__name__}"
    return None


def _plain_fields(problem: Problem) -> dict[str, Any] | None:
    """Return the parameters of a problem; None if a selector cannot describe it."""
    problem_class = type(problem)
    if not dataclasses.is_dataclass(problem_class):
        return None
    fields = [field for field in dataclasses.fields(problem_class) if field.init]
    parameters = inspect.signature(problem_class).parameters
    # An `InitVar`, and an argument of an `__init__` that the class itself defines, are not fields.
    if parameters.keys() != {field.name for field in fields}:
        return None
    if any(parameter.default is parameter.empty for parameter in parameters.values()):
        return None
    values = {field.name: plain(_without_arrays(getattr(problem, field.name))) for field in fields}
    is_described = all(map(is_plain, field_types(problem_class).values())) and _are_plain(values.values())
    return values if is_described else None


def _class_of(problem: Problem) -> type[Problem]:
    """Return a subclass without parameters whose instances have the values of `problem`."""
    values = dict(vars(problem))
    slots = {
        name: getattr(problem, name)
        for base in type(problem).__mro__
        for name, member in vars(base).items()
        if inspect.ismemberdescriptor(member) and hasattr(problem, name)
    }

    def initialize(self: Problem) -> None:
        self.__dict__.update(values)
        for name, value in slots.items():
            object.__setattr__(self, name, value)  # the class may be frozen

    problem_class = type(problem)
    frozen = dataclasses.make_dataclass("Frozen", (), frozen=True)
    attributes = {
        "__module__": problem_class.__module__,
        "__doc__": problem_class.__doc__,
        "__init__": initialize,
        "__eq__": lambda self, other: type(self) is type(other),
        "__hash__": lambda self: hash(type(self)),
        "__dataclass_fields__": {},
        "__dataclass_params__": frozen.__dataclass_params__,  # type: ignore[attr-defined]  # it is a dataclass
    }
    return type(problem_class.__name__, (problem_class,), attributes)


def _without_arrays(value: Any) -> Any:
    """Return a value with Python's numbers instead of NumPy's, and of tensors without dimensions."""
    if isinstance(value, list | tuple):
        return [_without_arrays(item) for item in value]
    is_scalar = isinstance(value, np.generic | np.ndarray | torch.Tensor) and value.ndim == 0
    return value.item() if is_scalar else value


def _are_plain(values: Iterable[object]) -> bool:
    return all(
        _are_plain(value) if isinstance(value, Sequence) and not isinstance(value, str)
        else value is None or isinstance(value, bool | int | float | str)
        for value in values
    )  # fmt: skip
