"""Fixtures that install small distributions on the path of one test."""

import sys

import pytest

from benchbed.catalog.discovery import DISABLE, installed_plugins
from benchbed.catalog.loading import load_catalog

BUILT_IN = {
    "optimizers": "benchbed_optimizers",
    "problems": "benchbed_problems",
    "metrics": "benchbed.metrics",
    "gradients": "benchbed.gradients",
    "executors": "benchbed.executors",
    "reports": "benchbed.reports",
}

PROLOGUE = """
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
import torch
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import *

class Nothing(NamedTuple):
    pass

def rule(rate: float = 0.1):
    return Optimizer(init=lambda theta: Nothing(), update=lambda oracle, state, theta: (theta, state))

@dataclass(frozen=True)
class Bowl(Problem):
    \"\"\"A bowl.\"\"\"
    size: int = 2
    start: float | tuple[float, ...] | None = None
    shape: Literal["round", "flat"] = "round"
    layout = Layout({"theta": (2,)})
    def make_start(self, generator):
        return torch.zeros(2)
    def objective(self, theta, data):
        return theta.square().sum(-1)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that writes a distribution with modules and entry points, and adds it to the path."""
    modules_before = set(sys.modules)

    def write(distribution, modules, points, version="1.0", site=None):
        folder = tmp_path / (site or f"site-{distribution}")
        information = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        lines = [f"{name} = {module}\n" for name, module in points.items()]
        (information / "entry_points.txt").write_text("[benchbed]\n" + "".join(lines))
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(PROLOGUE + source)
        monkeypatch.syspath_prepend(folder)
        return folder

    yield write
    for name in set(sys.modules) - modules_before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.fixture
def plugin(install, request):
    """Return a function that installs a plugin with this source and loads the catalog.

    The large built-in plugins are disabled unless the test uses `built_in` or sets `environ`, which saves a second.
    """
    disabled = "" if "built_in" in request.fixturenames else "course,optimizers,problems"

    def load(source, name="mine", files=(), environ=None):
        install(f"{name}-package", {f"{name}_module": source}, {name: f"{name}_module"})
        return load_catalog(files, {DISABLE: disabled} if environ is None else environ)

    return load


@pytest.fixture
def built_in(install):
    """Install benchbed's entry points if they are missing, as it is on the path without being installed."""
    if not any(plugin.built_in for plugin in installed_plugins()[0]):
        install("benchbed", {}, BUILT_IN)


@pytest.fixture
def record():
    """Return a function that returns the only record of a plugin."""

    def find(catalog, name="mine"):
        (plugin_record,) = (record for record in catalog.plugins if record.name == name)
        return plugin_record

    return find
