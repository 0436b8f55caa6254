"""Records of the registered objects and of the plugins that registered them."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from benchbed.catalog.discovery import BUILT_IN, DiscoveredPlugin
from benchbed.catalog.names import error_line, plugin_traceback, quoted, wrapped_names
from benchbed.errors import BenchbedError
from benchbed.seeds import digest

Kind = Literal[
    "problems", "transforms", "optimizers", "wrappers", "metrics", "gradients", "executors", "reports", "figures",
    "suites",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
AROUND: dict[Kind, Kind] = {"problems": "transforms", "optimizers": "wrappers"}
"""Kinds of the functions that `cosine(adam)` and `rotated(quadratic)` name, by the kinds of their arguments."""
OTHER_FAMILY = "other"
"""Family of optimizers that are registered without one, and that no plugin registers."""

_LITERATURE = re.compile(r"^Sources?\b[^:\n]*:.*?(?=\n\s*\n|\s(?:Deviation|Difference)s?:|\Z)", re.S | re.M)


class PluginStatus(StrEnum):
    """Result of loading a plugin; the value is printed."""

    LOADED = "loaded"
    BROKEN = "broken"
    """Importing the plugin or calling its hooks raised an exception."""
    INVALID = "invalid"
    """The plugin breaks the contract."""
    CONFLICTING = "conflicting"
    """Another plugin registers one of its names."""
    BLOCKED = "blocked"
    """The user disabled the plugin."""


def parts_of(kind: Kind, name: str) -> list[tuple[Kind, str]]:
    """Return the kinds and names in `cosine(clip(adam))`, the outermost first."""
    *outer, inner = wrapped_names(name)
    return [*((AROUND[kind], part) for part in outer), (kind, inner)]


class InvalidPluginError(BenchbedError):
    """A plugin breaks the contract."""


def require(condition: bool, fault: str) -> None:
    """Raise InvalidPluginError with `fault` unless `condition` holds."""
    if not condition:
        raise InvalidPluginError(fault)


def attempt(action: str, call: Callable[[], Any]) -> Any:
    """Call code of a plugin; raises InvalidPluginError if the code raises."""
    try:
        return call()
    except InvalidPluginError:
        raise  # its message is complete
    except Exception as error:
        raise InvalidPluginError(f"{action} raised {error_line(error)}") from error


class Origin(msgspec.Struct, frozen=True):
    """The code that determines the numbers of a registered object, without benchbed and its dependencies."""

    definition: str = ""
    """Module and name of the object."""
    files: dict[str, str] = {}
    """Digest of each file, by module."""
    versions: dict[str, str] = {}
    """Version of each other distribution that one of the files imports."""
    is_passed: bool = False
    """The object was passed to `run()`, and only the program that did so has it."""

    @property
    def digest(self) -> str:
        """The identity of the object: 16 hexadecimal digits."""
        return digest(self.definition, self.files, self.versions)[:16]

    def differences(self, other: "Origin") -> list[str]:
        """Return the modules and distributions that differ between two origins."""
        before, after = ({**origin.files, **origin.versions} for origin in (self, other))
        return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


class Entry(NamedTuple):
    """A registered object and its origin."""

    kind: Kind
    name: str
    implementation: Any
    """The class, factory, function, object or path that was registered."""
    plugin: str
    distribution: str
    """Name of the distribution, or the path of a plugin file; empty if neither is known."""
    version: str
    origin: Origin
    documentation: str
    """The docstring; of a suite the comment at its top, of a figure its title."""
    details: Any = None
    """Details that another process has read; None if they are not known."""
    family: str = OTHER_FAMILY
    """Family of an optimizer."""

    @property
    def built_in(self) -> bool:
        """Whether the object is part of benchbed or of torch.optim, and not of a third party."""
        return self.distribution == BUILT_IN or (self.distribution, self.plugin) == ("torch", "torch.optim")

    @property
    def summary(self) -> str:
        """First line of the documentation."""
        return self.documentation.partition("\n")[0]

    @property
    def literature(self) -> str:
        """The passage of the documentation that begins with `Source`, on one line; empty without one."""
        passage = _LITERATURE.search(self.documentation)
        return " ".join(passage[0].split()) if passage else ""

    @property
    def source(self) -> str:
        """Digest of the files and versions that the object depends on (of the suite itself for a suite)."""
        return self.origin.digest

    @property
    def label(self) -> str:
        """The plugin with its distribution and version."""
        return plugin_label(self.plugin, self.distribution, self.version)


class PluginRecord(NamedTuple):
    """A plugin and the result of loading it."""

    name: str
    module: str
    distribution: str
    version: str
    status: PluginStatus
    error: str | None
    """One line with the file and line number in the plugin, if known; None unless something is wrong."""
    traceback: str | None
    entries: tuple[Entry, ...] = ()
    """The available entries: none of a plugin that is not loaded, and none that clashes."""
    commands: tuple[str, ...] = ()
    """Names of the available commands."""

    @classmethod
    def of(
        cls,
        plugin: DiscoveredPlugin,
        status: PluginStatus,
        message: str | None = None,
        error: BaseException | None = None,
    ) -> "PluginRecord":
        """Return the record of a plugin; `message` describes the `error` that its loading raised."""
        location, trace = ("", None) if error is None else plugin_traceback(error)
        fault = None if message is None else message + location
        return cls(plugin.name, plugin.module, plugin.distribution, plugin.version, status, fault, trace)

    @property
    def label(self) -> str:
        """The plugin with its distribution and version."""
        return plugin_label(self.name, self.distribution, self.version)

    @property
    def registered(self) -> dict[str, tuple[str, ...]]:
        """The names of the available entries and commands by kind."""
        names: dict[str, tuple[str, ...]] = {
            kind: tuple(entry.name for entry in self.entries if entry.kind == kind) for kind in KINDS
        }
        names["commands"] = self.commands
        return {kind: names_of_kind for kind, names_of_kind in names.items() if names_of_kind}

    @property
    def complaint(self) -> str | None:
        """The error with the plugin's label, in one line; None unless something is wrong."""
        return None if self.error is None else f"{self.label} is {self.status}: {self.error}"


def plugin_label(name: str, distribution: str, version: str) -> str:
    """Return a plugin's name with its origin: `plugin 'mine' (my-package 1.0)`."""
    origin = " ".join(quoted(text)[1:-1] for text in (distribution, version) if text)
    return f"plugin {quoted(name)} ({origin})" if origin else f"plugin {quoted(name)}"
