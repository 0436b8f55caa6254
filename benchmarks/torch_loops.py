"""Classes of torch.optim against a loop written by hand: the ratio of the times of their steps, on one core.

`python benchmarks/torch_loops.py [--steps 400] [--rounds 9] [--classes Adam SGD …]`. Both sides take the same steps on
the same mini-batches, one after the other in every round, and must end at the same point. Medians over the rounds.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from cores import keep_to
from tabulate import tabulate
from torch import Tensor, nn

from benchbed.catalog.torch_classes import torch_factory
from benchbed.engine import Batch
from benchbed.engine.backends import EagerBackend, EngineChoice
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.gradients import reverse
from benchbed.interfaces import Engine
from benchbed.seeds import InstanceSeed
from benchbed_problems.digits_mlp import DigitsMlp

CLASSES = ("Adam", "SGD", "AdamW", "Adafactor")
RATE = 1e-3


@dataclass(frozen=True)
class DigitsNetwork(DigitsMlp):
    """`digits-mlp` with batch normalization, or without a hidden layer: multinomial logistic regression."""

    has_norm: bool = False

    def make_network(self) -> nn.Module:
        """Build the network."""
        if not self.hidden:
            return nn.Linear(64, 10)
        norm = [nn.BatchNorm1d(self.hidden)] if self.has_norm else []
        return nn.Sequential(nn.Linear(64, self.hidden), *norm, nn.ReLU(), nn.Linear(self.hidden, 10))


PROBLEMS: dict[str, DigitsMlp] = {
    "logistic regression": DigitsNetwork(hidden=0),
    "MLP 64–32–10": DigitsMlp(),
    "MLP with batch normalization": DigitsNetwork(has_norm=True),
}


class Side(NamedTuple):
    """Seconds of the steps, and the last point `[dimension]`."""

    seconds: float
    theta: Tensor


class Subject(NamedTuple):
    """A class on a problem."""

    problem: DigitsMlp
    class_name: str
    steps: int

    @property
    def optimizer_class(self) -> type[torch.optim.Optimizer]:
        """The class."""
        optimizer_class: type[torch.optim.Optimizer] = getattr(torch.optim, self.class_name)
        return optimizer_class

    @property
    def instances(self) -> Instances:
        """The instance of one trial."""
        seed = InstanceSeed(0, "digits", "evaluation", 0)
        return Instances(self.problem, [seed], torch.device("cpu"), torch.float32)


def run(subject: Subject) -> Side:
    """Run the steps of a trial by the engine, without measurements."""
    batch = Batch(
        problem=subject.problem,
        factory=torch_factory(subject.optimizer_class),
        statics={"layout": subject.problem.layout},
        hyperparameters={"learning_rate": [RATE]},
        settings=1,
        seeds=[InstanceSeed(0, "digits", "evaluation", 0)],
        budget=subject.steps,
        targets=(),
        scale=1.0,
        gradient=reverse,
        metrics={},
        dtype="float32",
        device="cpu",
    )
    tile = Tile(batch, subject.instances)
    backend, lanes = EagerBackend(EngineChoice(Engine.EAGER, "")), tile.start_lanes()
    tile.inputs(0)  # draws mini-batches before the clock starts, as by hand
    with torch.no_grad():
        begun = time.process_time()
        lanes = backend.advance(tile, lanes, 0, [subject.steps])[-1]
        seconds = time.process_time() - begun
    return Side(seconds, lanes.theta[0, 0])


def run_by_hand(subject: Subject) -> Side:
    """Run the same steps by a training loop."""
    instances, problem = subject.instances, subject.problem
    network = problem.make_network()
    nn.utils.vector_to_parameters(instances.start[0].clone(), network.parameters())
    inputs, targets = instances.data.training
    positions = instances.draws.between(0, subject.steps).positions[:, 0, 0]
    optimizer = subject.optimizer_class(network.parameters(), lr=RATE)  # type: ignore[call-arg]  # each has lr
    begun = time.process_time()
    for batch in positions:
        loss = problem.loss_of(network(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.process_time() - begun
    return Side(seconds, nn.utils.parameters_to_vector(network.parameters()).detach())


def compare(subject: Subject, rounds: int) -> tuple[float, float, bool]:
    """Return the µs of a step by hand, the ratio of the engine to it, and whether all points are equal."""
    sides: tuple[Callable[[Subject], Side], ...] = (run_by_hand, run)
    for side in sides:
        side(subject._replace(steps=10))  # torch loads modules at the first step
    pairs = [[side(subject) for side in sides] for _ in range(rounds)]
    ratio = statistics.median(side.seconds / hand.seconds for hand, side in pairs)
    equal = all(torch.equal(hand.theta, side.theta) for hand, side in pairs)
    return 1e6 * statistics.median(hand.seconds for hand, _ in pairs) / subject.steps, ratio, equal


def rows(classes: list[str], steps: int, rounds: int) -> Iterator[tuple[str, str, float, float, str]]:
    """Yield the rows of the table."""
    for (name, problem), class_name in itertools.product(PROBLEMS.items(), classes):
        microseconds, ratio, equal = compare(Subject(problem, class_name, steps), rounds)
        yield name, class_name, microseconds, ratio, "equal" if equal else "different"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--classes", nargs="+", default=list(CLASSES))
    options = parser.parse_args()
    keep_to(1)
    header = ("problem", "class", "µs a step by hand", "ratio", "last points")
    table = rows(options.classes, options.steps, options.rounds)
    print(tabulate(table, header, floatfmt=(None, None, ".0f", ".2f")))


if __name__ == "__main__":
    main()
