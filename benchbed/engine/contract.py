"""Checks of a pairing on a small batch, before a batch with a third-party plugin is measured."""

from benchbed.engine.batch import Batch
from benchbed.engine.independence import check_independence
from benchbed.engine.purity import check_purity
from benchbed.errors import ContractError

__all__ = ["ContractError", "check_contract"]


def check_contract(batch: Batch) -> str | None:
    """Check that the functions of a pairing keep the contract.

    Returns the name of a variable that the optimizer changes in Python, because of which its steps must run eagerly;
    None if there is none.

    Raises: ContractError if numbers of the pairing would be wrong, with the likely mistake.
    """
    try:
        check_independence(batch)
    except ContractError:
        raise
    except (Exception, SystemExit):  # noqa: BLE001 (the run finds the trials that raise it)
        pass
    return check_purity(batch)
