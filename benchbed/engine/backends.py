"""The backends that compute a tile's steps: eagerly, or by a compiled step; and the choice between them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from benchbed.checkpoints import checkpoint_calls
from benchbed.codegen.errors import CodegenError, CompilationError, TooLittleWorkError
from benchbed.codegen.plugin_lines import plugin_line_of
from benchbed.engine.batch import Batch
from benchbed.engine.confirmation import require_agreement
from benchbed.engine.evaluation import measure_objective
from benchbed.engine.pytrees import Lanes, Tree
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine, Problem

WORTH_COMPILING = 1.0
"""Seconds of eager work (`eager_seconds`) from which generating and compiling a step saves time."""
WORTH_MEASURING = 3.0
"""Seconds of eager measurements (`objective_seconds`) from which compiling the objective saves time: 0.5 to 5 for the
networks of `benchmarks/peers.py`. The compiled objective serves all pairings of the problem."""
STEP_SECONDS = 3e-4
"""Seconds of a step for any number of lanes."""
NUMBER_SECONDS = 2e-9
"""Seconds for each number that a lane's step keeps in memory."""
STATE_COPIES = 16
"""Vectors of the size of theta that a step of a typical optimizer keeps in memory for a lane."""
MAXIMUM_CALLS = 50.0
"""Calls of a gradient up to which a step is compiled: the code grows with each of them."""
CONFIRMED_STEPS = 4
"""Compiled steps of a third-party pairing that are compared with eager ones."""


class EngineChoice(NamedTuple):
    """The engine chosen for a batch; it depends on the plan alone."""

    engine: Engine
    """Eager or compiled."""
    reason: str
    """For people."""


class EagerBackend:
    """Steps run eagerly, one after the other."""

    minimum_lanes = 1
    """Seeds and settings that stay when finished lanes are dropped, if there were as many."""

    def __init__(self, choice: EngineChoice) -> None:
        self.engine, self.reason = choice
        """The engine in the record: the chosen one, also for a tile that ends in its first step; and its reason."""
        self.fallback_reason: str | None = None
        """Why the compiled step was given up, for people."""

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start` on; return the lanes before each of the steps `stops`."""
        return tile.advance(lanes, start, stops)

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Return how many of the coming `stops` to compute before the next measurement, at least one.

        Eagerly it is one: a step that turns out to be discarded costs as much as a measurement.
        """
        return 1

    def measure(self, tile: Tile, point: Tensor, buffers: Tree = None) -> Tensor:
        """Return the objective `[seeds, settings]` at `point: [seeds, settings, dimension]`."""
        return measure_objective(tile.instances, point, buffers)


class _CompiledSteps(Protocol):
    """The compiled steps of a pairing, generated or by inductor; the methods are those of a backend."""

    minimum_lanes: int
    description: str

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]: ...

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int: ...


class CompiledBackend(EagerBackend):
    """Steps run by a compiled step; eagerly if it cannot be built, or after it fails.

    Every exception of the compiled step leads to the eager one: an error of the plugin is raised again there.
    """

    def __init__(self, choice: EngineChoice, tile: Tile, lanes: Lanes) -> None:
        super().__init__(choice)
        self._steps: _CompiledSteps | None = None
        self._compiles_objective = objective_seconds(tile.batch) >= WORTH_MEASURING
        try:
            from benchbed.engine.compiled_backend import generated_backend  # takes a second to import

            self._steps = generated_backend(tile, lanes)
            self.reason += f"; {self._steps.description}"
        except TooLittleWorkError as error:
            self._stay_eager(str(error))
        except CompilationError as error:  # inductor needs a compiler as well
            self._fall_back("its step could not be compiled", error)
        except Exception as error:  # noqa: BLE001 (see the class)
            self._compile_by_inductor(tile, lanes, error)
        if tile.batch.third_party:
            self._confirm(tile, lanes)

    def _compile_by_inductor(self, tile: Tile, lanes: Lanes, unsupported: Exception) -> None:
        reason = f"no step is generated ({error_summary(unsupported)})"
        try:
            from benchbed.engine.inductor import inductor_backend  # takes half a second to import

            self._steps = inductor_backend(tile, lanes)
            self.minimum_lanes = self._steps.minimum_lanes
            self.reason += f"; {self._steps.description}, as {reason}"
        except TooLittleWorkError as error:
            self._stay_eager(f"{reason}, and {error}")
        except Exception as error:  # noqa: BLE001 (see the class)
            event = "its step could not be compiled"
            if error_summary(error) != error_summary(unsupported):
                event += f", as {reason} and torch's inductor fails"
            self._fall_back(event, error)

    def _confirm(self, tile: Tile, lanes: Lanes) -> None:
        """Compare a few compiled steps with eager ones, and run eagerly if they disagree."""
        steps = [step for step in tile.later_checkpoints() if step <= 1 + CONFIRMED_STEPS]
        if self._steps is None or not steps:
            return

        def advance(lanes: Lanes) -> Lanes:
            eager_tile = Tile(tile.batch, tile.instances, tile.positions, tile.stepper)  # a new optimizer
            (after,) = EagerBackend(EngineChoice(Engine.EAGER, "")).advance(eager_tile, lanes, 1, steps[-1:])
            return after

        try:
            (compiled,) = self._steps.advance(tile, lanes, 1, steps[-1:])
            require_agreement(lanes, compiled, advance)
        except Exception as error:  # noqa: BLE001 (see the class)
            self._fall_back("its compiled step disagrees with eager steps", error)

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start` on; return the lanes before each of the steps `stops`."""
        if self._steps is not None:
            try:
                return self._steps.advance(tile, lanes, start, stops)
            except Exception as error:  # noqa: BLE001 (see the class)
                self._fall_back(f"its compiled step failed after step {start}", error)
        return super().advance(tile, lanes, start, stops)

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Return the number that the compiled step asks for."""
        if self._steps is None:
            return super().lookahead(lanes, start, stops)
        return self._steps.lookahead(lanes, start, stops)

    def measure(self, tile: Tile, point: Tensor, buffers: Tree = None) -> Tensor:
        """Return the objective, by compiled code if that saves time; eagerly if there is none, or it fails."""
        if self._compiles_objective and self.engine == Engine.COMPILED:
            try:
                from benchbed.engine.compiled_objective import generated_objective

                objective = generated_objective(tile.instances, point, buffers)
                return objective.measure(tile.instances, point, tile.batch.threads, buffers)
            except Exception as error:  # noqa: BLE001 (see the class)
                self._compiles_objective = False
                self.reason += f"; its objective was measured eagerly: {error_summary(error)}"
        return super().measure(tile, point, buffers)

    def _stay_eager(self, reason: str) -> None:
        """Run the eager steps that the plan makes as fast as a compiled one."""
        self.engine = Engine.EAGER
        self.reason += f"; eager, as {reason}"

    def _fall_back(self, event: str, error: Exception) -> None:
        self.engine, self.minimum_lanes, self._steps = Engine.EAGER, 1, None
        self.fallback_reason = f"{event}: {error_summary(error)}"
        self.reason += f"; ran eagerly because {self.fallback_reason}"


def error_summary(error: Exception) -> str:
    """Return the type and the first line of an error, with the line of the plugin where it arose."""
    cause: Exception = getattr(error, "inner_exception", error)  # torch's compiler wraps the cause
    message = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
    line = cause.line if isinstance(cause, CodegenError) else plugin_line_of(error)
    return f"{type(cause).__name__}: {message}{f' ({line})' if line else ''}"


def choose_engine(batch: Batch, stateful: bool) -> EngineChoice:
    """Choose the engine of a batch.

    The choice depends on the plan and on nothing measured, so that a study that is resumed or repeated gives the
    same bits.
    """
    reason = None
    if stateful:
        reason = "the optimizer runs one trial at a time"
    elif batch.python_state is not None:
        reason = f"the optimizer changes `{batch.python_state}` in Python, which a compiled step would keep constant"
    elif batch.every_step:
        reason = "every step is measured"
    if reason is not None:
        return EngineChoice(Engine.EAGER, reason)
    if batch.engine != Engine.AUTO:
        return EngineChoice(Engine(batch.engine), "requested")
    if batch.gradient.traced is None:
        return EngineChoice(Engine.EAGER, "the gradient has no form for a compiled step")
    price = batch.gradient.price(batch.problem.layout.dimension)
    if price > MAXIMUM_CALLS:
        return EngineChoice(Engine.EAGER, f"a gradient of {price:g} calls makes a long compiled step")
    seconds = eager_seconds(batch)
    duration = f"about {seconds:.0f} s" if seconds >= 1 else "less than a second"
    engine = Engine.COMPILED if seconds >= WORTH_COMPILING else Engine.EAGER
    return EngineChoice(engine, f"{duration} of steps")


def eager_seconds(batch: Batch) -> float:
    """Estimate the seconds that the steps of a batch take eagerly on one core, within a factor of three."""
    batch = batch.planned or batch
    lanes = len(batch.seeds) * batch.settings
    return batch.budget * (STEP_SECONDS + lanes * numbers_of_a_step(batch.problem) * NUMBER_SECONDS)


def objective_seconds(batch: Batch) -> float:
    """Estimate the seconds that the objective at all checkpoints takes eagerly on one core."""
    batch = batch.planned or batch
    lanes = len(batch.seeds) * batch.settings
    numbers = numbers_of_a_step(batch.problem, full_batch=True)
    return len(checkpoint_calls(batch.budget)) * lanes * numbers * NUMBER_SECONDS


def numbers_of_a_step(problem: Problem, full_batch: bool = False) -> float:
    """Count the numbers that a lane's step keeps in memory, for the loss (on a draw or in full) and the optimizer."""
    share = 1.0 if full_batch else problem.full_price or 1.0
    return problem.workspace / share + STATE_COPIES * problem.layout.dimension
