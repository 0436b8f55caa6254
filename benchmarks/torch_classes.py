"""All classes of torch optimizers of a module: how many run as in a loop by hand, and the reasons of the rest.

`python benchmarks/torch_classes.py torch.optim pytorch_optimizer` trains a small network with each class for 30 steps
in float32: by benchbed on the blocks of a layout, and by hand on parameters with the same shapes.
"""

import functools
import importlib
import signal
import sys
import warnings
from dataclasses import dataclass

import torch
from cores import keep_to
from torch import Generator, Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.names import error_line, one_line
from benchbed.catalog.torch_references import is_optimizer_class
from benchbed.engine import Batch, run_batch
from benchbed.engine.contract import check_contract
from benchbed.engine.sampling import make_start
from benchbed.errors import BenchbedError
from benchbed.gradients import reverse
from benchbed.interfaces import Layout, Problem
from benchbed.seeds import InstanceSeed

STEPS = 30
SECONDS = 30
"""CPU time limit of a class."""


@dataclass(frozen=True)
class Network(Problem):
    """Cross-entropy of a network with one hidden layer on fixed data."""

    dtype = "float32"

    @property
    def layout(self) -> Layout:
        """Two matrices and two vectors."""
        return Layout({"hidden": (12, 5), "hidden_bias": (12,), "output": (3, 12), "output_bias": (3,)})

    def make_start(self, generator: Generator) -> Tensor:
        """Draw a start."""
        return torch.randn(self.layout.dimension, generator=generator) / 3

    def objective(self, theta: Tensor, data: None) -> Tensor:
        """Compute the cross-entropy."""
        generator = torch.Generator().manual_seed(1)
        inputs = torch.randn(64, 5, generator=generator)
        labels = torch.randint(3, (64,), generator=generator)
        hidden, hidden_bias, output, output_bias = self.layout.views(theta).values()
        outputs = torch.tanh(inputs @ hidden.mT + hidden_bias.unsqueeze(-2)) @ output.mT
        outputs = outputs + output_bias.unsqueeze(-2)
        labels = labels.expand(outputs.shape[:-1]).unsqueeze(-1)
        return -outputs.log_softmax(-1).gather(-1, labels).squeeze(-1).mean(-1)


PROBLEM, SEED = (
    Network(),
    InstanceSeed(0, "network", "evaluation", 3),
)  # LBFGS diverges from the start of seed 0
loaded_catalog = functools.cache(load_catalog)


def run(name: str) -> Tensor:
    """Return the answer of a class after the steps, run by the engine."""
    catalog = loaded_catalog()
    factory, parameters = catalog.entry("optimizers", name).implementation, catalog.parameters(name)
    values = catalog.hyperparameters(name, {})
    numbers = {key: [values[key]] for key, parameter in parameters.items() if not parameter.static}
    statics = {key: values[key] for key in values if key not in numbers} | {"layout": PROBLEM.layout}
    batch = Batch(
        problem=PROBLEM, factory=factory, statics=statics, hyperparameters=numbers, settings=1, seeds=[SEED],
        budget=1000 * STEPS, first_steps=STEPS, every_step=True, targets=(), scale=None,
        gradient=reverse, metrics={}, dtype="float32", device="cpu", raises=True,
    )  # fmt: skip
    check_contract(batch)
    torch.manual_seed(0)
    with torch.no_grad():
        return torch.from_numpy(run_batch(batch).final_theta[0, 0]).float()


def run_by_hand(optimizer_class: type[torch.optim.Optimizer]) -> Tensor | None:
    """Return the parameters after a plain loop; None if the class needs more than parameters."""
    start = make_start(PROBLEM, SEED).float()
    blocks = [torch.nn.Parameter(view.clone()) for view in PROBLEM.layout.views(start).values()]

    @torch.enable_grad()  # AliG calls it where gradients are disabled
    def closure() -> Tensor:
        for block in blocks:
            block.grad = None
        loss = PROBLEM.objective(torch.cat([block.flatten() for block in blocks]), None)
        loss.backward()
        return loss

    try:
        optimizer = optimizer_class(blocks)
    except Exception:  # noqa: BLE001 (a class may raise anything)
        return None
    has_modes = hasattr(optimizer, "eval")
    if has_modes:
        optimizer.train()
    for _ in range(STEPS):
        closure()
        optimizer.step(closure)
    if has_modes:
        optimizer.eval()
    return torch.cat([block.detach().flatten() for block in blocks])


def outcome_of(module_name: str, class_name: str) -> tuple[str, str]:
    """Return whether a class equals the loop by hand, runs or is rejected; and its loss or the reason."""
    try:
        answer = run(f"{module_name}:{class_name}")
        torch.manual_seed(0)
        expected = run_by_hand(getattr(importlib.import_module(module_name), class_name))
    except BenchbedError as error:
        return "rejected", one_line(str(error))
    except (Exception, _TimeOut) as error:  # noqa: BLE001 (a class may raise anything)
        return "rejected", error_line(error)
    loss = f"{PROBLEM.objective(answer, None):.6f}"
    if expected is not None and torch.equal(answer, expected):
        return "equal", loss
    return (
        "runs",
        loss if expected is None else f"{loss} largest difference {(answer - expected).abs().max():.2g}",
    )


class _TimeOut(BaseException):
    """A class has taken too long; nothing that it catches."""


def _stop(*arguments: object) -> None:
    raise _TimeOut(f"longer than {SECONDS} s of CPU time")


def main(modules: list[str]) -> None:
    """Print a line for each class, and the counts of each module."""
    keep_to(1)
    signal.signal(signal.SIGPROF, _stop)
    for module_name in modules:
        module, counts = importlib.import_module(module_name), {"equal": 0, "runs": 0, "rejected": 0}
        for class_name in sorted(name for name in dir(module) if is_optimizer_class(getattr(module, name))):
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            outcome, line = outcome_of(module_name, class_name)
            signal.setitimer(signal.ITIMER_PROF, 0)
            counts[outcome] += 1
            print(f"{outcome:9s}{module_name}:{class_name}  {line}", flush=True)
        print(module_name, counts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:] or ["torch.optim"])
