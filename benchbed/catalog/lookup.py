"""The catalog: registered objects by kind and name, with their parameters, and errors that suggest names."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from benchbed.catalog import torch_optim
from benchbed.catalog.discovery import PASSED, plugin_of_object
from benchbed.catalog.names import error_line, plugin_traceback, quoted, reason, suggestion
from benchbed.catalog.parameters import (
    Parameter,
    convert_hyperparameter,
    convert_value,
    factory_arguments,
    field_types,
    hyperparameters_of,
    plain,
    unknown_key,
)
from benchbed.catalog.records import AROUND, Entry, Kind, PluginRecord, PluginStatus
from benchbed.catalog.transforming import transformed_class
from benchbed.catalog.wrapping import combined_entry, wrapped_factory
from benchbed.errors import BenchbedError, UsageError
from benchbed.interfaces import Gradient, Problem, as_gradient
from benchbed.interfaces.transforms import DelegatingProblem


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The registered objects by kind and name; built by `load_catalog`."""

    plugins: tuple[PluginRecord, ...]
    warnings: tuple[str, ...]
    """Lines about the environment; errors of plugins are in their records."""
    entries: Mapping[Kind, Mapping[str, Entry]]
    clashes: Mapping[tuple[Kind, str], tuple[Entry, ...]]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of a kind in the order of registration, benchbed's first."""
        return tuple(self.entries[kind])

    def has(self, kind: Kind, name: str) -> bool:
        """Return whether a plugin registers the name, also if two do and it is not available."""
        return name in self.entries[kind] or (kind, name) in self.clashes

    def entry(self, kind: Kind, name: str) -> Entry:
        """Return an entry; `module:Class` is the entry of any importable torch.optim.Optimizer.

        Raises: UsageError if the name is unknown, or two plugins register it.
        """
        if name in self.entries[kind]:
            return self.entries[kind][name]
        if "(" in name:
            return self._combined(kind, name)
        if kind == "optimizers" and ":" in name:
            return torch_optim.entry(name)
        if (kind, name) in self.clashes:
            entries = self.clashes[kind, name]
            labels = " and ".join(entry.label for entry in entries)
            plugins = " or ".join(dict.fromkeys(entry.plugin for entry in entries))
            raise UsageError(
                f"{kind[:-1]} {name!r} is registered by {labels}, so neither is available; disable one by "
                f"BENCHBED_DISABLE_PLUGINS={plugins}, or leave out --plugin"
            )
        for record in self.plugins:
            if (record.distribution, record.name) == (PASSED, plugin_of_object(kind, name)) and record.error:
                is_named = record.status is PluginStatus.INVALID  # the error begins with the name
                raise UsageError(record.error if is_named else f"{kind[:-1]} {name!r}: {record.error}")
        names = [*self.entries[kind], *(clash for clash_kind, clash in self.clashes if clash_kind == kind)]
        message = f"unknown {kind[:-1]} {quoted(name)}{suggestion(name, names)} (see `benchbed list {kind}`)"
        for record in self.plugins:
            if record.status in (PluginStatus.BROKEN, PluginStatus.INVALID, PluginStatus.BLOCKED):
                cause = f": {record.error}" if record.error else " by BENCHBED_DISABLE_PLUGINS"
                message += f"; {record.label}, which may register it, is {record.status}{cause}"
        raise UsageError(message)

    def _combined(self, kind: Kind, name: str) -> Entry:
        """Return the entry of `cosine(adam)` or `rotated(quadratic)`. Raises: UsageError if the two do not combine."""
        outer, _, inner = name.removesuffix(")").partition("(")
        is_around = kind in AROUND and outer in self.entries[AROUND[kind]]
        if kind == "optimizers" and outer in self.entries["transforms"] and not is_around:
            raise UsageError(
                f"{quoted(outer)} transforms problems and cannot wrap the optimizer {quoted(inner)}; write it around a "
                "problem (see `benchbed list problems`)"
            )
        if kind == "problems" and outer in self.entries["wrappers"] and not is_around:
            raise UsageError(
                f"{quoted(outer)} wraps optimizers and cannot transform the problem {quoted(inner)}; write it around "
                "an optimizer (see `benchbed list optimizers`)"
            )
        if kind not in AROUND or (outer in self.entries[kind] and not is_around) or ":" in outer:
            raise UsageError(
                f"{quoted(outer)} wraps no optimizer or problem such as {quoted(inner)}; write key=value in its "
                "brackets"
            )
        entries = self.entry(AROUND[kind], outer), self.entry(kind, inner)
        build: Callable[..., Any] = transformed_class if kind == "problems" else wrapped_factory
        implementation = build(outer, *(entry.implementation for entry in entries))
        return combined_entry(name, *entries, implementation)

    def problem(self, name: str, parameters: Mapping[str, object]) -> Problem:
        """Build a problem from JSON-plain parameters, with defaults for the others.

        Raises: UsageError if a parameter is unknown, or a value is not valid.
        """
        entry = self.entry("problems", name)
        types = field_types(entry.implementation)
        for key in parameters:
            if key not in types:
                raise unknown_key(name, key, types)
        values = {key: convert_value(name, key, value, types[key]) for key, value in parameters.items()}
        problem: Problem = _call(entry, values)
        return problem

    def problem_parameters(self, problem: Problem) -> dict[str, object]:
        """Return the parameters that differ from their defaults, JSON-plain, in the order of the fields."""
        defaults = _defaults_of(type(problem))
        values = {name: getattr(problem, name) for name in field_types(type(problem))}
        return {name: plain(value) for name, value in values.items() if value != defaults[name]}

    def problem_defaults(self, problem: Problem) -> dict[str, object]:
        """Return the parameters that have their defaults, JSON-plain, in the order of the fields."""
        changed = self.problem_parameters(problem)
        return {
            name: plain(getattr(problem, name)) for name in field_types(type(problem)) if name not in changed
        }

    def gradient(self, name: str) -> Gradient:
        """Return a gradient. Raises: UsageError if the name is unknown, or two plugins register it."""
        return as_gradient(self.entry("gradients", name).implementation)

    def optimizer(self, name: str) -> Entry:
        """Return the entry of an optimizer, whose implementation is its factory."""
        return self.entry("optimizers", name)

    def parameters(self, name: str) -> dict[str, Parameter]:
        """Return the parameters of an optimizer in the order of its signature, without `layout` and `budget`."""
        return hyperparameters_of(self.optimizer(name).implementation)

    def hyperparameters(
        self, name: str, values: Mapping[str, object], checked: bool = True
    ) -> dict[str, object]:
        """Return a complete setting, with defaults for values that are not given.

        Unless `checked`, the optimizer itself is not called, which may reject the setting.

        Values may be JSON-plain or returned by this method. Raises: UsageError if a parameter is unknown, or a value
        has another type, is outside the domain, or is rejected by the optimizer.
        """
        entry = self.optimizer(name)
        parameters = hyperparameters_of(entry.implementation)
        for key in values:
            if key not in parameters:
                raise unknown_key(name, key, parameters)
        setting = {
            key: convert_hyperparameter(name, parameter, values[key]) if key in values else parameter.default
            for key, parameter in parameters.items()
        }
        if checked:
            _call(entry, factory_arguments(entry.implementation, setting))
        return setting


def _defaults_of(problem: type[Problem]) -> dict[str, Any]:
    """Return the default of each parameter of a problem; those of a transformed problem need not fit together."""
    if issubclass(problem, DelegatingProblem):
        fields = dataclasses.fields(problem)  # type: ignore[arg-type]  # a subclass is a dataclass
        return {
            field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            for field in fields
        }  # fmt: skip
    default = problem()
    return {name: getattr(default, name) for name in field_types(problem)}


def _call(entry: Entry, arguments: Mapping[str, object]) -> Any:
    """Call a problem's class or an optimizer's factory; a ValueError is the user's mistake, others are the plugin's."""
    try:
        return entry.implementation(**arguments)
    except ValueError as error:
        raise UsageError(f"{entry.name}: {reason(error)}") from error
    except Exception as error:
        location, _ = plugin_traceback(error)
        raise BenchbedError(
            f"{entry.kind[:-1]} {entry.name!r} of {entry.label} raised {error_line(error)}{location}"
        ) from error
