"""The third-party plugins whose code a batch or a report runs."""

from collections.abc import Iterable

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.records import Entry, Kind, parts_of
from benchbed.errors import UsageError
from benchbed.plan import BatchPlan, Plan


def third_party_plugins(catalog: Catalog, plan: Plan, batch: BatchPlan) -> tuple[str, ...]:
    """Return the names of the third-party plugins that a batch needs; all plugins if one of its parts is unknown."""
    parts: list[tuple[Kind, str]] = [
        *parts_of("problems", batch.problem.name),
        ("gradients", plan.gradient),
        *(("metrics", name) for name in catalog.names("metrics")),
    ]
    modules: tuple[str, ...] = ()
    *wrappers, (_, optimizer) = parts_of("optimizers", batch.optimizer)
    parts += wrappers
    if ":" in optimizer and optimizer not in catalog.entries["optimizers"]:
        # Looking up module:Class would import the module into this process.
        module = optimizer.rpartition(":")[0]
        modules = () if module == "torch.optim" else (module,)
    else:
        parts.append(("optimizers", optimizer))
    try:
        entries = [catalog.entry(kind, name) for kind, name in parts]
    except UsageError:  # the worker stores it as the reason of the trials' failure
        return tuple(record.name for record in catalog.plugins)
    return (*plugins_of(entries), *modules)


def plugins_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the names of the third-party plugins that registered these entries."""
    return tuple(dict.fromkeys(entry.plugin for entry in entries if not entry.built_in))
