"""Answer by name: what is registered, with which parameters, and what may have been meant instead."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from benchbed.catalog import torch_classes
from benchbed.catalog.names import error_line, quoted, reason, suggestion
from benchbed.catalog.parameters import Parameter, checked_value, converted, hyperparameters_of, unknown_key
from benchbed.catalog.records import Entry, Kind, PluginRecord, entry_label
from benchbed.catalog.validation import PROBE, factory_arguments, field_types, plain
from benchbed.errors import BenchbedError, UsageError
from benchbed.interfaces import Gradient, Optimizer, Problem, as_gradient


@dataclasses.dataclass(frozen=True)
class Catalog:
    """What is installed, by kind and name; made by `load_catalog`."""

    plugins: tuple[PluginRecord, ...]
    warnings: tuple[str, ...]
    """Lines about the environment; what is wrong with a plugin stands in its record."""
    entries: Mapping[Kind, Mapping[str, Entry]]
    clashes: Mapping[tuple[Kind, str], tuple[Entry, ...]]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """List the names of a kind in the order of registration, benchbed's own first."""
        return tuple(self.entries[kind])

    def entry(self, kind: Kind, name: str) -> Entry:
        """Give one thing; an optimizer may also be `module:Class`, any importable torch.optim.Optimizer.

        Raises: UsageError if the name is unknown, or offered twice.
        """
        if name in self.entries[kind]:
            return self.entries[kind][name]
        if kind == "optimizers" and ":" in name:
            return torch_classes.entry(name)
        raise self._clashing(kind, name) if (kind, name) in self.clashes else self._unknown(kind, name)

    def problem(self, name: str, parameters: Mapping[str, object]) -> Problem:
        """Make a problem from JSON-plain parameters, defaults for the others.

        Raises: UsageError if a parameter is unknown or its value does not fit.
        """
        entry = self.entry("problems", name)
        types = field_types(entry.implementation)
        for key in parameters:
            if key not in types:
                raise unknown_key(name, key, types)
        values = {key: converted(name, key, value, types[key]) for key, value in parameters.items()}
        try:
            problem: Problem = entry.implementation(**values)
        except ValueError as error:
            raise UsageError(f"{name}: {reason(error)}") from error
        except Exception as error:
            raise _plugin_error(entry, error) from error
        return problem

    def problem_parameters(self, problem: Problem) -> dict[str, object]:
        """List the parameters that differ from their defaults, JSON-plain, in the order of the fields."""
        default = type(problem)()
        values = {name: getattr(problem, name) for name in field_types(type(problem))}
        return {name: plain(value) for name, value in values.items() if value != getattr(default, name)}

    def gradient(self, name: str) -> Gradient:
        """Give a way to differentiate. Raises: UsageError if the name is unknown, or offered twice."""
        return as_gradient(self.entry("gradients", name).implementation)

    def optimizer(self, name: str) -> Entry:
        """Give an optimizer's entry, whose thing is its factory."""
        return self.entry("optimizers", name)

    def parameters(self, name: str) -> dict[str, Parameter]:
        """List the parameters of an optimizer in the order of its signature, without `layout`."""
        return hyperparameters_of(self.optimizer(name).implementation)

    def hyperparameters(self, name: str, given: Mapping[str, object]) -> dict[str, object]:
        """Complete one setting from the defaults; values are JSON-plain or as this method gave them.

        Raises: UsageError if a parameter is unknown, or its value is of another type, outside the domain, or
        refused by the optimizer itself.
        """
        entry = self.optimizer(name)
        parameters = hyperparameters_of(entry.implementation)
        for key in given:
            if key not in parameters:
                raise unknown_key(name, key, parameters)
        values = {
            key: checked_value(name, parameter, given[key]) if key in given else parameter.default
            for key, parameter in parameters.items()
        }
        _build(entry, values)  # a factory may refuse what fits the types
        return values

    def default_optimizer(self, name: str) -> Optimizer[Any]:
        """Build an optimizer with its defaults, to read what it says of itself."""
        defaults = {key: parameter.default for key, parameter in self.parameters(name).items()}
        return _build(self.optimizer(name), defaults)

    def _clashing(self, kind: Kind, name: str) -> UsageError:
        offering = self.clashes[kind, name]
        both = " and ".join(entry_label(entry) for entry in offering)
        names = " or ".join(dict.fromkeys(entry.plugin for entry in offering))
        way_out = f"disable one by BENCHBED_DISABLE_PLUGINS={names}, or leave out --plugin"
        return UsageError(f"{kind[:-1]} {name!r} is offered by {both}, so neither counts; {way_out}")

    def _unknown(self, kind: Kind, name: str) -> UsageError:
        known = [*self.entries[kind], *(clash for clashing, clash in self.clashes if clashing == kind)]
        message = f"unknown {kind[:-1]} {quoted(name)}{suggestion(name, known)} (see `benchbed list {kind}`)"
        missing = [record for record in self.plugins if record.status in ("broken", "invalid", "blocked")]
        for record in missing:
            reason = f": {record.error}" if record.error else " by BENCHBED_DISABLE_PLUGINS"
            message += f"; {record.label} is {record.status}{reason}; what you meant may be in it"
        return UsageError(message)


def _build(entry: Entry, hyperparameters: Mapping[str, object]) -> Optimizer[Any]:
    try:
        optimizer: Optimizer[Any] = entry.implementation(
            **factory_arguments(entry.implementation, hyperparameters, PROBE)
        )
    except ValueError as error:
        raise UsageError(f"{entry.name}: {reason(error)}") from error
    except Exception as error:
        raise _plugin_error(entry, error) from error
    return optimizer


def _plugin_error(entry: Entry, error: Exception) -> BenchbedError:
    """Blame the plugin for what its code raised."""
    return BenchbedError(
        f"{entry.kind[:-1]} {entry.name!r} of {entry_label(entry)} raised {error_line(error)}"
    )
