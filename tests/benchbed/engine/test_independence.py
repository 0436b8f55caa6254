"""No plugin that keeps the contract is rejected, and the check runs to its end on it."""

import msgspec
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.engine.independence import check_independence
from benchbed.plan import Request, make_plan
from benchbed.runner.task import engine_batch
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

CATALOG = load_catalog(environ={})
LARGE = {"polynomial-network"}  # takes seconds with every optimizer
TORCH = [f"torch.optim:{name}" for name in ("SGD", "Adam", "LBFGS", "Rprop", "Adadelta")]


def batches_of(problem, optimizer, **options):
    """Yield the first batches of both tracks: one setting, and several."""
    request = Request(
        problems=(problem,),
        optimizers=(optimizer,),
        preset="quick",
        steps=20,
        seeds=3,
        device="cpu",
        **options,
    )
    for track in ("default", "tuned"):
        plan = make_plan(CATALOG, msgspec.structs.replace(request, tracks=(track,)))
        batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
        yield engine_batch(plan, batch, CATALOG, is_measured=False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", [name for name in CATALOG.names("problems") if name not in LARGE])
def test_built_in_plugins_pass(problem, dtype):
    """Every built-in optimizer and a few classes of torch, on every problem, in both dtypes."""
    for optimizer in (*CATALOG.names("optimizers"), *TORCH):
        for batch in batches_of(problem, optimizer, dtype=dtype):
            check_independence(batch)


@pytest.mark.parametrize("gradient", CATALOG.names("gradients"))
def test_built_in_gradients_pass(gradient):
    """Also those with draws of their own."""
    for problem in ("quadratic", "linear-regression"):
        for batch in batches_of(problem, "gd", gradient=gradient):
            check_independence(batch)
