"""Check whether the step of a pairing is compiled in long runs."""

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbed.engine.backends import EagerBackend, choose_engine, error_summary
from benchbed.engine.batch import Batch
from benchbed.engine.compiled_backend import generated_backend
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine


def compilation_fault(batch: Batch) -> str | None:
    """Return why no step of a batch is generated and compiled: the operation, with its line in the plugin; else None.

    The compiled step stays in the cache of the process. Raises: any exception of a plugin in an eager step.
    """
    choice = choose_engine(batch._replace(engine=Engine.COMPILED), batch.optimizer.stateful)
    if choice.engine == Engine.EAGER:
        return choice.reason
    device, dtype = torch.device(batch.device), getattr(torch, batch.dtype)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        tile = Tile(batch, Instances(batch.problem, batch.seeds, device, dtype))
        (lanes,) = EagerBackend(choice).advance(tile, tile.start_lanes(), 0, [1])
        try:
            generated_backend(tile, lanes)
        except Exception as error:  # noqa: BLE001 (tracing runs the code of plugins, which may raise anything)
            return error_summary(error)
    return None
