"""The `register` functions that the hooks of one plugin receive."""

from typing import Any

from benchbed.catalog.discovery import DiscoveredPlugin
from benchbed.catalog.factories import as_factory
from benchbed.catalog.imports import SourceModule
from benchbed.catalog.names import derived_name, is_group_name, name_fault, quoted
from benchbed.catalog.passed import PassedObject
from benchbed.catalog.records import OTHER_FAMILY, Entry, InvalidPluginError, Kind, require
from benchbed.catalog.sources import ModuleFacts, documentation, file_origin, origin_of
from benchbed.catalog.validation import validate
from benchbed.hookspecs import Register
from benchbed.interfaces import Gradient

MEASURED_KINDS: tuple[Kind, ...] = (
    "problems", "transforms", "optimizers", "wrappers", "gradients", "metrics",
)  # fmt: skip
"""Kinds of objects that the numbers of a trial depend on."""


class Registrar:
    """Collector of the entries of one plugin, which are added to the catalog only if all hooks succeed."""

    def __init__(self, plugin: DiscoveredPlugin) -> None:
        self.entries: list[Entry] = []
        self._plugin = plugin
        self._is_open = True
        self._modules: dict[SourceModule, ModuleFacts] = {}

    def close(self) -> None:
        """Reject calls after the hooks have returned."""
        self._is_open = False

    def of(self, kind: Kind) -> Register[object]:
        """Return the function that a hook of this kind receives."""

        def register(implementation: object, name: str | None = None, family: str | None = None) -> None:
            if isinstance(implementation, PassedObject):
                name = implementation.name
            entry_name = _default_name(kind, implementation) if name is None else name
            try:
                self._add(kind, implementation, entry_name, family)
            except InvalidPluginError as error:
                raise InvalidPluginError(f"{kind[:-1]} {quoted(entry_name)}: {error}") from error.__cause__

        return register

    def _add(self, kind: Kind, implementation: object, name: str, family: str | None) -> None:
        require(self._is_open, "register was called after the hook had returned; call it inside the hook")
        passed_origin = None
        if isinstance(implementation, PassedObject):
            passed_origin = implementation.origin
            implementation = implementation.implementation
        definition = implementation
        if kind == "optimizers":
            implementation = as_factory(implementation)
        validate(kind, implementation, self._plugin.built_in)
        fault = name_fault(name)
        require(fault is None, f'{fault}, with register(…, name="…")')
        if family is not None:
            require(kind == "optimizers", "it has a family, which only optimizers have; leave it out")
            require(
                is_group_name(family),
                f"its family is {quoted(family)}; name it in lower case, such as 'sign'",
            )
        is_new = all((entry.kind, entry.name) != (kind, name) for entry in self.entries)
        require(is_new, "the plugin registers this name twice; give one of the two another name")
        plugin = self._plugin
        if passed_origin is not None:
            origin = passed_origin
        elif kind in MEASURED_KINDS:
            module = plugin.module.partition(":")[0]
            origin = origin_of(definition, module, plugin.distribution, plugin.version, self._modules)
        else:
            origin = file_origin(implementation)
        self.entries.append(
            Entry(
                kind=kind,
                name=name,
                implementation=implementation,
                plugin=plugin.name,
                distribution=plugin.distribution,
                version=plugin.version,
                origin=origin,
                documentation=documentation(definition),
                family=family or OTHER_FAMILY,
            )
        )


def _default_name(kind: Kind, implementation: Any) -> str:
    if kind == "suites":
        return str(getattr(implementation, "stem", implementation))
    if kind in ("reports", "figures") and isinstance(getattr(implementation, "name", None), str):
        return str(implementation.name)
    return derived_name(
        implementation.differentiate if isinstance(implementation, Gradient) else implementation
    )
