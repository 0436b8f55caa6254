"""Checks of a pairing before its batch is measured: its plugins are those of the plan and keep the contract."""

import platform
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.records import Kind
from benchbed.catalog.torch_optim import with_nested
from benchbed.engine import Batch
from benchbed.engine.contract import check_contract
from benchbed.engine.fatal_errors import fatal_status
from benchbed.errors import BenchbedError, ContractError, UsageError
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.global_state import default_global_state


class PairingCheck(NamedTuple):
    """The result of the check of a pairing."""

    fields: Mapping[str, Any] = MappingProxyType({})
    """Fields of the engine's batch."""
    error: str | None = None
    """Traceback of the plugin's exception that ended the check; numbers of the batch are not to be trusted then."""


def check_pairing(plan: Plan, batch: BatchPlan, catalog: Catalog, build: Callable[[], Batch]) -> PairingCheck:
    """Check the contract of a pairing if it has third-party plugins.

    Raises: ContractError if its numbers would be wrong.
    """
    names: dict[Kind, list[str]] = {
        "problems": [batch.problem.name],
        "optimizers": [batch.optimizer],
        "gradients": [plan.gradient],
        "metrics": list(plan.metrics),
    }
    entries = [catalog.entry(kind, name) for kind, of_kind in names.items() for name in of_kind]
    entries.append(with_nested(catalog.entry("optimizers", batch.optimizer), batch.settings[0]))
    if all(entry.built_in for entry in entries):
        return PairingCheck()
    try:
        with default_global_state():
            return PairingCheck({"third_party": True, **check_contract(build())._asdict()})
    except ContractError:
        raise
    except (Exception, SystemExit) as error:
        if fatal_status(error):
            raise
        return PairingCheck({"third_party": True}, traceback.format_exc())


def check_sources(catalog: Catalog, plan: Plan, batch: BatchPlan) -> None:
    """Check that the files of the plugins are those of the plan.

    Raises: BenchbedError if a file differs, or a plugin is missing.
    """
    sources: list[tuple[Kind, str, str]] = [
        ("problems", batch.problem.name, batch.problem.source),
        ("optimizers", batch.optimizer, batch.optimizer_source),
        *(("metrics", name, origin.digest) for name, origin in plan.metrics.items()),
    ]
    if plan.gradient_source:  # earlier plans have none
        sources.append(("gradients", plan.gradient, plan.gradient_source))
    for kind, name, source in sources:
        try:
            entry = with_nested(catalog.entry(kind, name), batch.settings[0])
        except UsageError as error:
            raise BenchbedError(
                f"{kind[:-1]} {name!r} differs: this worker on {platform.node()} does not have it: {error}; install "
                "its package everywhere, or pass its file by --plugin"
            ) from error
        if entry.source != source:
            raise BenchbedError(
                f"{kind[:-1]} {name!r} differs: the plan was made with file digest {source}, "
                f"this worker has {entry.source}; install the same version of {entry.distribution} everywhere, "
                "and edit no file of it while a study runs"
            )
