"""Plugins as plain data, which a driver reads from a child process without running the plugin itself."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchbed.catalog.details import Details, read_details
from benchbed.catalog.discovery import DiscoveredPlugin
from benchbed.catalog.loading import load_plugin
from benchbed.catalog.names import is_group_name, name_fault, printable_lines
from benchbed.catalog.records import OTHER_FAMILY, Entry, Kind, Origin, PluginRecord, PluginStatus
from benchbed.errors import BenchbedError
from benchbed.interfaces import Figure

LONGEST_TRACEBACK = 20_000
"""Longer tracebacks are cut to their last characters."""


DRAWN_ELSEWHERE = "benchbed.catalog:drawn_elsewhere"
"""Import path in place of the functions of a figure that another process draws."""


class EntryDescription(msgspec.Struct, frozen=True):
    """A registered object as plain data."""

    kind: Kind
    name: str
    origin: Origin
    documentation: str
    facts: dict[str, Any]
    """Data of a suite, a report or a figure that a driver reads without calling it."""
    details: Details = None
    family: str = OTHER_FAMILY


class PluginDescription(msgspec.Struct, frozen=True):
    """The result of loading a plugin in another process."""

    status: PluginStatus
    error: str | None
    traceback: str | None
    entries: tuple[EntryDescription, ...] = ()


class ReportFacts(NamedTuple):
    """A report that another process draws."""

    optional: bool


class DeferredEntry(Entry):
    """An entry whose plugin is imported into this process when its implementation is first read."""

    @property
    def implementation(self) -> Any:  # the field contains the plugin
        """Import the plugin and return what it registers. Raises: BenchbedError if it registers something else."""
        record = load_plugin(self[2])
        for entry in record.entries:
            if (entry.kind, entry.name) == (self.kind, self.name):
                return entry.implementation
        raise BenchbedError(
            f"{self.kind[:-1]} {self.name!r} of {self.label} was registered in one process and not in the next: "
            f"{record.error or 'register it whenever the plugin is imported'}"
        )


def describe_plugin(plugin: DiscoveredPlugin) -> PluginDescription:
    """Load a plugin in this process and describe the result."""
    record = load_plugin(plugin)
    entries = tuple(
        EntryDescription(
            entry.kind,
            entry.name,
            entry.origin,
            printable_lines(entry.documentation),
            _facts(entry.kind, entry.implementation),
            read_details(entry.kind, entry.implementation),
            entry.family,
        )
        for entry in record.entries
    )
    trace = record.traceback and record.traceback[-LONGEST_TRACEBACK:]
    return PluginDescription(record.status, record.error, trace, entries)


def described_record(plugin: DiscoveredPlugin, description: PluginDescription) -> PluginRecord:
    """Return the record of a plugin that another process has loaded; names that are not allowed are left out."""
    entries = tuple(
        _described_entry(plugin, entry) for entry in description.entries if name_fault(entry.name) is None
    )
    record = PluginRecord.of(plugin, description.status)
    return record._replace(error=description.error, traceback=description.traceback, entries=entries)


def _facts(kind: Kind, implementation: Any) -> dict[str, Any]:
    if kind == "suites":
        return {"path": str(implementation)}
    if kind == "reports":
        return {"optional": bool(getattr(implementation, "optional", False))}
    if kind == "figures":
        names = ("name", "title", "suite", "part", "takes_optimizers")
        return {name: getattr(implementation, name) for name in names}
    return {}


def _described_entry(plugin: DiscoveredPlugin, description: EntryDescription) -> Entry:
    kind, facts = description.kind, description.facts
    implementation: Any = plugin
    if kind == "suites":
        implementation = Path(facts["path"])
    elif kind == "reports":
        implementation = ReportFacts(**facts)
    elif kind == "figures":
        suite = tuple(facts["suite"]) if isinstance(facts["suite"], list) else facts["suite"]
        drawn = {"draw": DRAWN_ELSEWHERE, "measure": None if suite else DRAWN_ELSEWHERE}
        implementation = Figure(**{**facts, **drawn, "suite": suite})
    entry_type = DeferredEntry if implementation is plugin else Entry
    return entry_type(
        kind=kind, name=description.name, implementation=implementation, plugin=plugin.name,
        distribution=plugin.distribution, version=plugin.version, origin=description.origin,
        documentation=printable_lines(description.documentation), details=description.details,
        family=description.family if is_group_name(description.family) else OTHER_FAMILY,
    )  # fmt: skip
