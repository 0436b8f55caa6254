"""The installed plugins, and the objects that they register, by kind and name.

The names are imported when first used: `benchbed --help` needs `benchbed.catalog.discovery` and must not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchbed.catalog.loading import load_catalog
    from benchbed.catalog.lookup import Catalog
    from benchbed.catalog.parameters import Parameter, hyperparameters_of
    from benchbed.catalog.records import KINDS, Entry, InvalidPluginError, Kind, PluginRecord, PluginStatus

__all__ = [
    "KINDS",
    "Catalog",
    "Entry",
    "InvalidPluginError",
    "Kind",
    "Parameter",
    "PluginRecord",
    "PluginStatus",
    "hyperparameters_of",
    "load_catalog",
]

_MODULES = {
    "load_catalog": "loading",
    "Catalog": "lookup",
    "Parameter": "parameters",
    "hyperparameters_of": "parameters",
    "KINDS": "records",
    "Entry": "records",
    "InvalidPluginError": "records",
    "Kind": "records",
    "PluginRecord": "records",
    "PluginStatus": "records",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module 'benchbed.catalog' has no attribute {name!r}")
    return getattr(import_module(f"benchbed.catalog.{_MODULES[name]}"), name)
