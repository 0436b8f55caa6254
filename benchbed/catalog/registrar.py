"""Take what one plugin registers: named, validated and digested at the moment of the call."""

from typing import Any

from benchbed.catalog.discovery import DiscoveredPlugin
from benchbed.catalog.names import derived_name, name_fault, quoted
from benchbed.catalog.records import Entry, InvalidPluginError, Kind
from benchbed.catalog.sources import source_digest, summary
from benchbed.catalog.validation import check
from benchbed.hookspecs import Register
from benchbed.interfaces import Gradient


class Registrar:
    """Collect the entries of one plugin; nobody sees them before it has registered everything."""

    def __init__(self, found: DiscoveredPlugin) -> None:
        """Begin with nothing."""
        self.plugin = found.name
        self.entries: list[Entry] = []
        self._found = found
        self._open = True

    def close(self) -> None:
        """Refuse whatever comes after the plugin's hooks have returned."""
        self._open = False

    def of(self, kind: Kind) -> Register:
        """Give the function that a hook of this kind receives."""

        def register(thing: Any, name: str | None = None) -> None:
            chosen = _name(kind, thing) if name is None else name
            try:
                self._take(kind, thing, chosen)
            except InvalidPluginError as error:
                raise InvalidPluginError(f"{kind[:-1]} {quoted(chosen)}: {error}") from error.__cause__

        return register

    def _take(self, kind: Kind, thing: Any, name: str) -> None:
        if not self._open:
            raise InvalidPluginError(
                "it was registered after the hook had returned; call register inside the hook"
            )
        check(kind, thing)
        fault = name_fault(name)
        if fault:
            raise InvalidPluginError(f'{fault}, with register(…, name="…")')
        if any((entry.kind, entry.name) == (kind, name) for entry in self.entries):
            raise InvalidPluginError("the plugin registers this name twice; give one of them another")
        origin = (self.plugin, self._found.distribution, self._found.version)
        self.entries.append(Entry(kind, name, thing, *origin, source_digest(thing), summary(thing)))


def _name(kind: Kind, thing: Any) -> str:
    if kind == "suites":
        return str(getattr(thing, "stem", thing))
    if kind in ("reports", "figures") and isinstance(getattr(thing, "name", None), str):
        return str(thing.name)
    return derived_name(thing.differentiate if isinstance(thing, Gradient) else thing)
