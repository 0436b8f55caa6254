"""Find what is installed: entry points in, validated names out; nothing here prints."""

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import Parameter, hyperparameters_of
from benchbed.catalog.records import KINDS, Entry, InvalidPluginError, Kind, PluginRecord, Status

__all__ = [
    "KINDS",
    "Catalog",
    "Entry",
    "InvalidPluginError",
    "Kind",
    "Parameter",
    "PluginRecord",
    "Status",
    "hyperparameters_of",
    "load_catalog",
]
