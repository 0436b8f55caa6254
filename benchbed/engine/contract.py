"""Checks of a pairing on a small batch, before a batch with a third-party plugin is measured."""

from collections.abc import Mapping
from typing import NamedTuple

from benchbed.engine.batch import Batch
from benchbed.engine.independence import check_independence
from benchbed.engine.metrics import faulty_metrics
from benchbed.engine.purity import check_purity
from benchbed.errors import ContractError

__all__ = ["ContractError", "PairingTraits", "check_contract"]


class PairingTraits(NamedTuple):
    """Results of the checks that a batch must know: its fields of these names."""

    python_state: str | None
    faulty_metrics: Mapping[str, str]


def check_contract(batch: Batch) -> PairingTraits:
    """Check that the functions of a pairing keep the contract.

    Raises: ContractError if numbers of the pairing would be wrong, with the likely mistake; any other exception of a
    plugin.
    """
    check_independence(batch)
    return PairingTraits(check_purity(batch), faulty_metrics(batch))
