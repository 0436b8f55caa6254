"""All classes of torch optimizers of a module: how many run as in a loop by hand, and the reasons of the rest.

`python benchmarks/torch_classes.py torch.optim pytorch_optimizer` trains a small network with each class for 30 steps
in float32: by benchbed on the blocks of a layout, and by hand on parameters with the same shapes.
"""

import functools
import importlib
import sys
import warnings

import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.names import error_line, one_line
from benchbed.catalog.parameters import factory_arguments
from benchbed.catalog.torch_references import is_optimizer_class
from benchbed.engine.oracle import CountingOracle
from benchbed.errors import BenchbedError
from benchbed.gradients import reverse
from benchbed.interfaces import Layout

LAYOUT = Layout({"hidden": (12, 5), "hidden_bias": (12,), "output": (3, 12), "output_bias": (3,)})
STEPS = 30


def loss_of(theta: Tensor) -> Tensor:
    """Compute the cross-entropy of a network with one hidden layer on fixed data."""
    generator = torch.Generator().manual_seed(1)
    inputs, labels = torch.randn(64, 5, generator=generator), torch.randint(3, (64,), generator=generator)
    hidden, hidden_bias, output, output_bias = LAYOUT.views(theta).values()
    outputs = torch.tanh(inputs @ hidden.T + hidden_bias) @ output.T + output_bias
    return torch.nn.functional.cross_entropy(outputs, labels)


loaded_catalog = functools.cache(load_catalog)


def run(name: str, start: Tensor) -> Tensor:
    """Return the answer of a class after the steps, run by its factory."""
    catalog = loaded_catalog()
    factory = catalog.entry("optimizers", name).implementation
    optimizer = factory(**factory_arguments(factory, catalog.hyperparameters(name, {}), LAYOUT))
    theta, state = start, optimizer.init(start)
    with torch.no_grad():
        for _ in range(STEPS):
            loss, gradient = reverse(loss_of, theta)
            oracle = CountingOracle(
                lambda point: reverse(loss_of, point),
                loss,
                gradient,
                torch.zeros(1).clone,
                torch.zeros(1).clone,
            )
            theta, state = optimizer.update(oracle, state, theta)
    return optimizer.answer(state, theta)


def run_by_hand(optimizer_class: type[torch.optim.Optimizer], start: Tensor) -> Tensor | None:
    """Return the parameters after a plain loop; None if the class needs more than parameters."""
    blocks = [torch.nn.Parameter(view.clone()) for view in LAYOUT.views(start).values()]

    def closure() -> Tensor:
        for block in blocks:
            block.grad = None
        loss = loss_of(torch.cat([block.flatten() for block in blocks]))
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


def main(modules: list[str]) -> None:
    """Print a line for each class, and the counts of each module."""
    start = torch.randn(LAYOUT.dimension, generator=torch.Generator().manual_seed(2)) / 3
    for module_name in modules:
        module, counts = importlib.import_module(module_name), {"equal": 0, "runs": 0, "rejected": 0}
        for class_name in sorted(name for name in dir(module) if is_optimizer_class(getattr(module, name))):
            try:
                torch.manual_seed(0)
                answer = run(f"{module_name}:{class_name}", start)
                torch.manual_seed(0)
                expected = run_by_hand(getattr(module, class_name), start)
                outcome = "equal" if expected is not None and torch.equal(answer, expected) else "runs"
                distance = (
                    "" if expected is None else f"largest difference {(answer - expected).abs().max():.2g}"
                )
                line = f"{loss_of(answer):.6f} {distance if outcome == 'runs' else ''}"
            except BenchbedError as error:
                outcome, line = "rejected", one_line(str(error))
            except Exception as error:  # noqa: BLE001 (a class may raise anything)
                outcome, line = "rejected", error_line(error)
            counts[outcome] += 1
            print(f"{outcome:9s}{module_name}:{class_name}  {line}", flush=True)
        print(module_name, counts)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:] or ["torch.optim"])
