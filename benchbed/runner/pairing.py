"""Checks of a pairing with third-party plugins, before its batch is measured."""

from collections.abc import Callable
from typing import Any

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.records import Kind
from benchbed.engine import Batch
from benchbed.engine.contract import check_contract
from benchbed.errors import BenchbedError, ContractError
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.global_state import default_global_state


def check_pairing(
    plan: Plan, batch: BatchPlan, catalog: Catalog, build: Callable[[], Batch]
) -> dict[str, Any]:
    """Check the contract of a pairing if it has third-party plugins; return fields of the engine's batch.

    Raises: ContractError if its numbers would be wrong.
    """
    names: dict[Kind, list[str]] = {
        "problems": [batch.problem.name],
        "optimizers": [batch.optimizer],
        "gradients": [plan.gradient],
        "metrics": list(plan.metrics),
    }
    entries = [catalog.entry(kind, name) for kind, of_kind in names.items() for name in of_kind]
    if all(entry.built_in for entry in entries):
        return {}
    observations = {}
    try:
        with default_global_state():
            observations = check_contract(build())._asdict()
    except ContractError:
        raise
    except (Exception, SystemExit):  # noqa: BLE001 (it is raised again where its trials run, with its traceback)
        pass
    return {"third_party": True, **observations}


def check_sources(catalog: Catalog, plan: Plan, batch: BatchPlan) -> None:
    """Check that the files of the plugins are those of the plan.

    Raises: BenchbedError if a file differs.
    """
    sources: list[tuple[Kind, str, str]] = [
        ("problems", batch.problem.name, batch.problem.source),
        ("optimizers", batch.optimizer, batch.optimizer_source),
        *(("metrics", name, origin.digest) for name, origin in plan.metrics.items()),
    ]
    if plan.gradient_source:  # earlier plans have none
        sources.append(("gradients", plan.gradient, plan.gradient_source))
    for kind, name, source in sources:
        entry = catalog.entry(kind, name)
        if entry.source != source:
            raise BenchbedError(
                f"{kind[:-1]} {name!r} differs: the plan was made with file digest {source}, "
                f"this worker has {entry.source}; install the same version of {entry.distribution} everywhere"
            )
