"""Choose how a tile's steps are made: one by one, or many at once by a compiled program."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, Protocol

from torch import Tensor

from benchbed.checkpoints import checkpoint_calls
from benchbed.engine.batch import ASKED, FELL_BACK, Batch
from benchbed.engine.evaluation import measure_objective
from benchbed.engine.pytrees import Lanes
from benchbed.engine.tile import Tile
from benchbed.interfaces import Problem

Engine = Literal["auto", "eager", "compiled"]
ENGINES: tuple[Engine, ...] = ("auto", "eager", "compiled")

WORTH_COMPILING = 1.0
"""Seconds of eager work, as `eager_seconds` has it, from which a program of lanes pays for its own making."""
WORTH_SCAN = 30.0
"""The same for a scan, which takes many times as long to compile."""
WORTH_MEASURING = 1.0
"""Seconds of eager measurements, as `objective_seconds` has it, from which a program of the objective pays for its own
making, which serves all pairings of the problem."""
STEP_SECONDS = 3e-4
"""What a step costs however few its lanes are."""
NUMBER_SECONDS = 2e-9
"""What a number that a lane's step keeps alive costs."""
STATE_COPIES = 16
"""Vectors of the size of theta that a step of a typical rule keeps alive in a lane."""
LEAST = 2
"""Lanes of a dimension below which a program would be compiled anew: torch takes a size of 1 for a constant."""
DEAREST = 50.0
"""Calls of a gradient up to which a program is worth making: a dearer one would have all of them spelt out in it."""
REASON_LENGTH = 300
"""Characters of a reason; a compiler's complaints have no end."""


Advance = Callable[[Tile, Lanes, int, Sequence[int]], list[Lanes]]
Reach = Callable[[Lanes, int, Sequence[int]], int]


class Backend(Protocol):
    """A way to make steps."""

    engine: str
    reason: str
    """Why this way was chosen."""
    least: int
    """Lanes of a dimension that must stay when finished ones are dropped, if there were as many."""

    def advance(self, program: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Make the steps from `start` on; give the lanes before each of the steps `stops`."""

    def reach(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Say how many of the coming `stops` to make at a time before anybody measures; at least one."""

    def measure(self, program: Tile, answer: Tensor) -> Tensor:
        """Give the objective `[seeds, settings]` at `answer: [seeds, settings, dimension]`."""


class EagerBackend:
    """Backend made one by one."""

    engine, least = "eager", 1

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def advance(self, program: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Make the steps from `start` on; give the lanes before each of the steps `stops`."""
        ahead = []
        for first, stop in pairwise([start, *stops]):
            for index in range(first, stop):
                if program.rule.opaque and not lanes.running.any():
                    break
                lanes = program.step(lanes, index)
            ahead.append(lanes)
        return ahead

    def reach(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Make no step in vain: it costs as much as a look."""
        return 1

    def measure(self, program: Tile, answer: Tensor) -> Tensor:
        """Give the objective `[seeds, settings]` at `answer: [seeds, settings, dimension]`."""
        return measure_objective(program.instances, answer)


class CompiledBackend:
    """Backend made by a compiled program; one by one from where none can be made, or where it fails."""

    engine = "compiled"

    def __init__(
        self, program: Tile, lanes: Lanes, reason: str, may_scan: bool = True, planned: Batch | None = None
    ) -> None:
        self.reason, self.least, self._may_scan = reason, 1, may_scan
        self._advance: Advance | None = None
        self._reach: Reach | None = None
        self._measures_by_program = measures_by_program(planned or program.batch)
        try:
            from benchbed.engine.compiled_backend import generated_backend  # takes a second to import

            native = generated_backend(program, lanes)
            self._advance, self._reach = native.advance, native.reach
        except Exception as refusal:  # noqa: BLE001 (whatever fails here is made in another way, and shows there if it is the plugin's)
            self._scan(program, lanes, refusal)

    def _scan(self, program: Tile, lanes: Lanes, refusal: Exception) -> None:
        batch = program.batch
        if not self._may_scan or (batch.engine != "compiled" and eager_seconds(batch) < WORTH_SCAN):
            self.engine = "eager"
            self.reason += f": too few for a scan, and no program of lanes: {_said(refusal)}"[:REASON_LENGTH]
            return
        try:
            from benchbed.engine.scan import scan_backend  # takes half a second to import

            self._advance, self.least = scan_backend(program, lanes).advance, LEAST
        except Exception as error:  # noqa: BLE001 (as above)
            self._fall_back("it could not be compiled", error)

    def advance(self, program: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Make the steps from `start` on; give the lanes before each of the steps `stops`."""
        if self._advance is not None:
            try:
                return self._advance(program, lanes, start, stops)
            except Exception as error:  # noqa: BLE001 (as above)
                self._fall_back(f"its program failed after step {start}", error)
        return EagerBackend(self.reason).advance(program, lanes, start, stops)

    def reach(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Give what a program of lanes says."""
        return 1 if self._reach is None else self._reach(lanes, start, stops)

    def measure(self, program: Tile, answer: Tensor) -> Tensor:
        """Give the objective by a program of its own where it is long; eagerly if there is none, or it fails."""
        if self._measures_by_program and self.engine == "compiled":
            try:
                from benchbed.engine.compiled_objective import generated_objective

                objective = generated_objective(program.instances, answer)
                return objective.measure(program.instances, answer, program.batch.threads)
            except Exception as error:  # noqa: BLE001 (as above)
                self._measures_by_program = False
                self.reason += f"; its objective was measured eagerly: {_said(error)}"[:REASON_LENGTH]
        return measure_objective(program.instances, answer)

    def _fall_back(self, what: str, error: Exception) -> None:
        self.engine, self.least, self._advance, self._reach = "eager", 1, None, None
        self.reason += f"{FELL_BACK}{what}: {_said(error)}"[:REASON_LENGTH]


def _said(error: Exception) -> str:
    """Give the first line of what an error says."""
    cause = getattr(error, "inner_exception", error)  # the compiler wraps what went wrong in it
    said = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
    return f"{type(cause).__name__}: {said}"


def resolve(batch: Batch, stateful: bool) -> tuple[str, str]:
    """Give the engine for a batch, "eager" or "compiled", and the reason.

    It depends on what is planned and on nothing that is measured: a study that is interrupted and resumed, or
    repeated, makes the same choice, and so gives the same bits.
    """
    if stateful:
        return "eager", "the rule runs one trial at a time"
    if batch.every_step:
        return "eager", "every step is measured"
    if batch.engine != "auto":
        return batch.engine, ASKED
    if batch.gradient.traced is None:
        return "eager", "the gradient has no form for a compiled program"
    price = batch.gradient.price(batch.problem.layout.dimension)
    if price > DEAREST:
        return "eager", f"a gradient of {price:g} calls makes a long program"
    seconds = eager_seconds(batch)
    worth = seconds >= WORTH_COMPILING
    return ("compiled" if worth else "eager"), f"{_words(seconds)} of steps"


def eager_seconds(batch: Batch) -> float:
    """Estimate what the steps of a batch would cost, made one by one on one core; right within a factor of three."""
    lanes = len(batch.seeds) * batch.settings
    return batch.budget * (STEP_SECONDS + lanes * numbers_of_a_step(batch.problem) * NUMBER_SECONDS)


def objective_seconds(batch: Batch) -> float:
    """Estimate what the objective at all checkpoints would cost, measured eagerly on one core."""
    lanes = len(batch.seeds) * batch.settings
    numbers = numbers_of_a_step(batch.problem, full=True)
    return len(checkpoint_calls(batch.budget)) * lanes * numbers * NUMBER_SECONDS


def measures_by_program(batch: Batch) -> bool:
    """Tell whether the objective of a compiled batch is worth a program of its own."""
    return objective_seconds(batch) >= WORTH_MEASURING


def make_steps(
    engine: str,
    reason: str,
    program: Tile,
    lanes: Lanes,
    may_scan: bool = True,
    planned: Batch | None = None,
) -> Backend:
    """Give the steps of the engine `resolve` chose; without a scan, which is long in the making, unless it may be.

    LaneIndex the program is but a part of a tile, `planned` is the whole, whose work decides how it is measured.
    """
    if engine == "compiled":
        return CompiledBackend(program, lanes, reason, may_scan, planned)
    return EagerBackend(reason)


def numbers_of_a_step(problem: Problem, full: bool = False) -> float:
    """Count the numbers that a lane's step keeps alive: those of the loss, on a draw or in `full`, and of a rule."""
    share = 1.0 if full else problem.full_price or 1.0
    return problem.workspace / share + STATE_COPIES * problem.layout.dimension


def _words(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds >= 1 else "less than a second"
