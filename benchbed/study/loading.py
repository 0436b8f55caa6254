"""Loading of plugins by a driver: child processes load the third-party ones, and the driver reads descriptions."""

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec

from benchbed import executors
from benchbed.catalog import discovery
from benchbed.catalog.descriptions import PluginDescription, describe_plugin, described_record
from benchbed.catalog.discovery import DiscoveredPlugin
from benchbed.catalog.loading import load_catalog, load_plugin, with_records
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import error_line
from benchbed.catalog.records import PluginRecord, PluginStatus
from benchbed.errors import UsageError
from benchbed.formatting import absolute_path
from benchbed.interfaces import TrialStatus
from benchbed.runner.failures import describe_failure
from benchbed.runner.global_state import default_global_state
from benchbed.runner.workers import Work, WorkerFailure, Workers

TIME_LIMIT = 60.0
"""Seconds for loading a plugin, and for reading one of its problems or optimizers, unless the user sets a limit."""
IN_PROCESS = "serial"
"""Executor for debugging, with which nothing runs in a child process."""

MOST_CHILDREN = 8


class PluginTask(msgspec.Struct, frozen=True):
    """A plugin that a child loads; crosses processes as JSON."""

    name: str
    module: str
    file: str | None
    """Absolute path of a plugin file; None for an installed plugin."""


def open_catalog(
    plugin_files: Sequence[Path] = (), timeout: float | None = None, executor: str = "processes"
) -> Catalog:
    """Load the plugins without running third-party code in this process.

    Each third-party plugin is loaded by a child process within `timeout` seconds (60 by default), and described to
    this one. A plugin that ends its child, or takes too long, is broken. The executor `serial` loads all plugins in
    this process, for debugging.

    Raises: UsageError if one of `plugin_files` is not a readable Python file, or cannot be loaded.
    """
    if executor == IN_PROCESS:
        return load_catalog(plugin_files)

    def load_third_party(plugins: list[DiscoveredPlugin]) -> list[PluginRecord]:
        return _load_in_children(plugins, timeout or TIME_LIMIT)

    return load_catalog(plugin_files, load_third_party=load_third_party)


def add_objects(catalog: Catalog, files: Sequence[Path], timeout: float | None, executor: str) -> Catalog:
    """Return the catalog with the objects in `files`, which child processes load as they load plugins."""
    plugins = discovery.plugin_files(files)
    if executor == IN_PROCESS:
        return with_records(catalog, [load_plugin(plugin) for plugin in plugins])
    return with_records(catalog, _load_in_children(plugins, timeout or TIME_LIMIT))


def check_files(catalog: Catalog, plugin_files: Sequence[Path]) -> None:
    """Raise UsageError if a plugin file that the user names is broken."""
    files = {str(path) for path in plugin_files}
    for record in catalog.plugins:
        if record.status is PluginStatus.BROKEN and record.distribution in files:
            raise UsageError(f"{record.complaint}; correct the file, or leave out --plugin")


def run_in_children(work: Work, tasks: Sequence[msgspec.Struct], timeout: float) -> list[Any]:
    """Run each task in a child process of its own; return the results, or a WorkerFailure for each.

    A task ends after `timeout` seconds. It runs once more if its process dies, which may be killed from outside.
    """
    if not tasks:
        return []
    with Workers(executors.processes(min(len(tasks), MOST_CHILDREN))) as workers:

        def submit(index: int) -> Future[Any]:
            return workers.submit(work, tasks[index], timeout, owner=f"task {index}")

        results = [workers.result(future) for future in [submit(index) for index in range(len(tasks))]]
        for index, result in enumerate(results):
            if isinstance(result, WorkerFailure) and result.kind is TrialStatus.CRASHED:
                results[index] = workers.result(submit(index))
        return results


def describe_in_child(encoded: bytes) -> bytes:
    """Load the plugin of a task, in a child, and return its description in JSON."""
    task = msgspec.json.decode(encoded, type=PluginTask)
    with default_global_state():
        plugins = discovery.plugin_files([Path(task.file)]) if task.file else discovery.installed_plugins()[0]
        for plugin in plugins:
            if (plugin.name, plugin.module) == (task.name, task.module):
                return msgspec.json.encode(describe_plugin(plugin))
    raise LookupError("another file: it was changed meanwhile")


def _load_in_children(plugins: Sequence[DiscoveredPlugin], timeout: float) -> list[PluginRecord]:
    tasks = [
        PluginTask(plugin.name, plugin.module, None if plugin.file is None else absolute_path(plugin.file))
        for plugin in plugins
    ]
    results = run_in_children(describe_in_child, tasks, timeout)
    return [_record(plugin, result, timeout) for plugin, result in zip(plugins, results, strict=True)]


def _record(plugin: DiscoveredPlugin, result: bytes | WorkerFailure, timeout: float) -> PluginRecord:
    try:
        if not isinstance(result, WorkerFailure):
            return described_record(plugin, msgspec.json.decode(result, type=PluginDescription))
        fault = describe_failure(result, "loading it", timeout)
    except (msgspec.MsgspecError, TypeError, ValueError, KeyError) as error:
        fault = f"loading it returned an invalid description: {error_line(error)}"
    return PluginRecord.of(plugin, PluginStatus.BROKEN, fault)
