"""Entries of torch optimizers that no plugin registers: `module:Class`, or `FILE.py:Class`."""

import functools
from collections.abc import Mapping

from benchbed.catalog.names import quoted, reason
from benchbed.catalog.records import Entry, InvalidPluginError, Origin
from benchbed.catalog.selector_reader import SelectorReader
from benchbed.catalog.sources import documentation, origin_of
from benchbed.catalog.torch_classes import is_torch_factory, torch_factory
from benchbed.catalog.torch_references import NESTED, import_class
from benchbed.errors import UsageError


@functools.cache
def entry(name: str) -> Entry:
    """Return the entry of the class that `module:Class` or `FILE.py:Class` names.

    Raises: UsageError for an unknown class, or one with parameters that a selector cannot contain.
    """
    optimizer_class, module, distribution, version = import_class(name)
    try:
        factory = torch_factory(optimizer_class)
        origin = origin_of(optimizer_class, optimizer_class.__module__, distribution, version, {})
    except (ValueError, InvalidPluginError) as error:
        raise UsageError(
            f"optimizer {quoted(name)} cannot be used: {reason(ValueError(error))}; "
            "write a plugin with benchbed.interfaces.torch_optimizer"
        ) from error
    return Entry(
        kind="optimizers",
        name=name,
        implementation=factory,
        plugin=module,
        distribution=distribution,
        version=version,
        origin=origin,
        documentation=documentation(optimizer_class),
    )


def with_nested(outer: Entry, setting: Mapping[str, object]) -> Entry:
    """Return the entry with the files and versions of the classes that a setting names as `base` or `others`.

    If one of them belongs to a third party, so does the result.
    """
    for key in NESTED:
        text = setting.get(key)
        if isinstance(text, str) and is_torch_factory(outer.implementation):
            tree = SelectorReader(text).read()
            nested = with_nested(entry(tree.name), tree.parameters)
            origin = Origin(
                f"{outer.origin.definition} {key} {nested.origin.definition}",
                outer.origin.files | nested.origin.files,
                outer.origin.versions | nested.origin.versions,
            )
            owner = nested if outer.built_in else outer
            outer = outer._replace(
                origin=origin, plugin=owner.plugin, distribution=owner.distribution, version=owner.version
            )
    return outer
