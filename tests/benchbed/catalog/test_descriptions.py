"""Descriptions of plugins, which drivers read instead of importing third-party code."""

import msgspec
import pytest

from benchbed.catalog import discovery
from benchbed.catalog.descriptions import PluginDescription, describe_plugin, described_record
from benchbed.errors import BenchbedError

PLUGIN = '''
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Figure, Optimizer

def still():
    """A rule that stays."""
    return Optimizer(init=lambda theta: theta, update=lambda oracle, state, theta: (theta, state))

class Sheet:
    """A report on request."""
    name, optional = "sheet", True
    def pieces(self, results): return []
    def draw(self, results, piece): return {}

@hookimpl
def register_optimizers(register):
    register(still, family="sign")

@hookimpl
def register_reports(register):
    register(Sheet())

@hookimpl
def register_figures(register):
    register(Figure("edge", "Divergence", draw=len, suite=("mine", "yours"), part="C1"))
    register(Figure("clock", "Times", draw=len, measure=len))
'''


@pytest.fixture
def described(tmp_path):
    """Return the described entries by name, after a way through JSON, and the plugin's file."""
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    (plugin,) = discovery.plugin_files([path])
    encoded = msgspec.json.encode(describe_plugin(plugin))
    record = described_record(plugin, msgspec.json.decode(encoded, type=PluginDescription))
    assert record.status == "loaded"
    return {entry.name: entry for entry in record.entries}, path


def test_a_description_has_the_facts_that_a_driver_reads(described):
    """Whether a report is optional, and the title and the sources of figures, without their functions."""
    entries, _ = described
    assert (entries["still"].summary, entries["still"].family) == ("A rule that stays.", "sign")
    assert entries["sheet"].implementation.optional
    assert entries["edge"].implementation.suites == ("mine", "yours")
    assert entries["edge"].implementation.part == "C1"
    assert entries["clock"].implementation.suites == ()


def test_an_implementation_is_imported_when_it_is_read(described):
    """Reading it runs the plugin's file."""
    entries, _ = described
    assert entries["still"].implementation().update(None, 0, 1.0) == (1.0, 0)


def test_an_object_that_a_second_import_does_not_register_is_an_error(tmp_path):
    """The message has the plugin and the name."""
    path = tmp_path / "fickle.py"
    path.write_text(
        PLUGIN + f"\nif not __import__('pathlib').Path({str(tmp_path / 'mark')!r}).exists(): 1 / 0\n"
    )
    mark = tmp_path / "mark"
    mark.touch()
    (plugin,) = discovery.plugin_files([path])
    entries = {entry.name: entry for entry in described_record(plugin, describe_plugin(plugin)).entries}
    mark.unlink()
    __import__("sys").modules.pop(plugin.module)
    with pytest.raises(BenchbedError, match=r"'still' of plugin 'fickle'.*ZeroDivisionError"):
        _ = entries["still"].implementation


def test_a_name_or_family_that_is_not_allowed_is_left_out():
    """A description comes from a process that ran third-party code."""
    (plugin,) = [found for found in discovery.installed_plugins()[0] if found.name == "metrics"]
    description = describe_plugin(plugin)
    (entry,) = description.entries
    forged = msgspec.structs.replace(entry, name="../../x")
    colored = msgspec.structs.replace(entry, family="\x1b[31m")
    record = described_record(plugin, msgspec.structs.replace(description, entries=(colored, forged)))
    assert [(registered.name, registered.family) for registered in record.entries] == [(entry.name, "other")]
