"""Hold what the catalog knows about a thing and about the plugin it came from."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from benchbed.catalog.names import quoted
from benchbed.errors import BenchbedError

Kind = Literal["problems", "optimizers", "metrics", "gradients", "executors", "reports", "figures", "suites"]
KINDS: tuple[Kind, ...] = (
    "problems", "optimizers", "metrics", "gradients", "executors", "reports", "figures", "suites",
)  # fmt: skip

Status = Literal["loaded", "broken", "invalid", "conflicting", "blocked"]


class InvalidPluginError(BenchbedError):
    """A plugin offers something that breaks the contract."""


class Entry(NamedTuple):
    """One thing of the catalog and where it came from."""

    kind: Kind
    name: str
    implementation: Any
    plugin: str
    distribution: str
    """Name of the distribution, or the path of a plugin file; empty where neither is known."""
    version: str
    source: str
    """Digest of the file that defines the thing (for a suite, of the suite): 16 hexadecimal digits."""
    summary: str
    """First line of the docstring."""


class PluginRecord(NamedTuple):
    """What became of one plugin; `error` is one line, None where all is well."""

    name: str
    module: str
    distribution: str
    version: str
    status: Status
    error: str | None
    traceback: str | None
    registered: Mapping[Kind, tuple[str, ...]]
    """The names that count: of a plugin that is not loaded, and of a clash, none do."""

    @property
    def label(self) -> str:
        """The plugin with its distribution and version, as messages name it."""
        return plugin_label(self.name, self.distribution, self.version)

    @property
    def complaint(self) -> str | None:
        """One line that says what is wrong, None where nothing is (a blocked plugin was asked for)."""
        return None if self.error is None else f"{self.label} is {self.status}: {self.error}"


def plugin_label(name: str, distribution: str, version: str) -> str:
    """Name a plugin so that a reader can find it: `plugin 'mine' (my-package 1.0)`."""
    origin = " ".join(quoted(part)[1:-1] for part in (distribution, version) if part)
    return f"plugin {quoted(name)} ({origin})" if origin else f"plugin {quoted(name)}"


def entry_label(entry: Entry) -> str:
    """Name the plugin that offers `entry`."""
    return plugin_label(entry.plugin, entry.distribution, entry.version)
