"""Make a tile's steps by a program of lanes."""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from itertools import groupby
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from benchbed.codegen.compiled_step import Library, groups_of, width_of
from benchbed.codegen.expressions import NotWrittenError
from benchbed.codegen.lanewise.inputs import Axis
from benchbed.codegen.tensorwise.library import TensorLibrary
from benchbed.codegen.trace import Trace, trace_step
from benchbed.engine.pytrees import Lanes, Tree, TreeTemplate, leaves
from benchbed.engine.tile import Tile
from benchbed.seeds import DRAW_BLOCK

KEPT = 256
"""Programs that a process keeps."""
WORTH_A_LOOK = 200_000
"""Operations on vectors, a tenth of a millisecond, that may turn out to be made in vain."""
MORE_GROUPS = 1.5
"""How many times the groups it is worth that each keeps to one seed: its draws are then the same for all lanes."""


class NativeSteps:
    """The steps of a pairing, for any number of steps, seeds and settings."""

    def __init__(self, program: Tile, lanes: Lanes, trace: Trace, library: Library) -> None:
        self._library = library
        self._state, self._data = TreeTemplate(lanes.state), TreeTemplate(program.instances.data)
        self._draws = "draw" in trace.roles
        self._reads_progress = trace.roles.index("progress") in library.source.reads
        self._known: ReferenceType[Tile] | None = None
        self._constant: list[Tensor] = []
        self._none = torch.empty(0, dtype=program.instances.dtype)

    def advance(self, program: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Make the steps from `start` on; give the lanes before each of the steps `stops`, `lanes` unchanged."""
        is_new = self._known is None or self._known() is not program
        if is_new:
            self._take(program)
        ahead: dict[int, Lanes] = {}
        for ends in self._spans(start, stops):
            until = ends[-1]
            progress = program.progress(start, until) if self._reads_progress else self._none
            drawn = leaves(program.draws(start, until)) if self._draws else []
            inputs = [*_tensors(lanes), progress, *drawn, *self._constant]
            if is_new:
                self._library.check(inputs)
            seeds, settings = lanes.running.shape
            counts = [end - start for end in ends]
            made = self._library.run(counts, seeds, settings, inputs, program.batch.threads)
            ahead.update(zip(ends, (self._with(lanes, tensors) for tensors in made), strict=True))
            lanes, start = ahead[until], until
        return [ahead[stop] for stop in stops]

    def _spans(self, start: int, stops: Sequence[int]) -> list[list[int]]:
        """Cut the way to the last of `stops` where blocks of draws end, each of which is a stop as well."""
        if not self._draws:
            return [list(stops)]
        ends = {*stops, *range((start // DRAW_BLOCK + 1) * DRAW_BLOCK, stops[-1], DRAW_BLOCK)}
        return [list(span) for _, span in groupby(sorted(ends), lambda end: (end - 1) // DRAW_BLOCK)]

    def reach(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Say how many of the coming `stops` to make at a time: as many as cost less than going back to the loop."""
        each = self._library.operations(1, *lanes.running.shape)
        return max(1, bisect_right(stops, start + WORTH_A_LOOK // each))

    def _take(self, program: Tile) -> None:
        """Find what stays the same from step to step.

        Raises TypeError if data differ from those traced in something beside tensors, which a program knows not.
        """
        if not self._data.matches(program.instances.data):
            raise TypeError("data differ between batches in something beside tensors")
        constant = [*program.hyperparameters.values(), *leaves(program.instances.data)]
        self._constant = [tensor.contiguous() for tensor in constant]
        self._known = ref(program)

    def _with(self, lanes: Lanes, made: list[Tensor]) -> Lanes:
        # By hand, as there may be but a few steps between two checkpoints: torch's trees take as long as hundreds.
        theta, *rest = made
        *state, calls, steps, running, diverged = rest if lanes.converged is None else rest[:-1]
        is_flat = hasattr(lanes.state, "_make") and len(lanes.state) == len(state)
        return Lanes(
            theta=theta,
            state=lanes.state._make(state) if is_flat else self._state.fill(state),
            calls=calls,
            steps=steps,
            running=running,
            diverged=diverged,
            converged=None if lanes.converged is None else rest[-1],
        )


def _tensors(lanes: Lanes) -> list[Tensor]:
    """List the tensors of lanes, as `leaves` does."""
    state = lanes.state if _is_flat(lanes.state) else leaves(lanes.state)
    return [lanes.theta, *state, *(one for one in lanes[2:] if one is not None)]


def _is_flat(state: Tree) -> bool:
    return hasattr(state, "_make") and all(isinstance(one, Tensor) for one in state)


def native_steps(program: Tile, lanes: Lanes) -> NativeSteps:
    """Give the steps of a pairing, made once a process.

    Raises NotWrittenError for what is not written here, NoCompilerError without a compiler, and whatever torch or the
    plugin raises where a step cannot be traced.
    """
    if lanes.theta.device.type != "cpu":
        raise NotWrittenError(f"steps on {lanes.theta.device.type}")
    width = width_of(lanes.theta.dtype)
    axis = _axis(program, lanes, width)
    key = program.cache_key, axis
    if key not in _made:
        if len(_made) == KEPT:
            _made.clear()
        trace = trace_step(program, lanes)
        _made[key] = NativeSteps(program, lanes, trace, _library(trace, axis, width))
    return _made[key]


def _library(trace: Trace, axis: Axis, width: int) -> Library:
    """Keep a short step's numbers in registers, and a longer one's tensors in the cache."""
    try:
        return Library(trace, axis, width)
    except NotWrittenError:
        return TensorLibrary(trace, width)


_made: dict[Hashable, NativeSteps] = {}


def _axis(program: Tile, lanes: Lanes, width: int) -> Axis:
    """Step lanes of any seeds together, unless each seed has draws of its own and settings enough."""
    if not leaves(program.draws(0, 1)):
        return "lanes"
    seeds, settings = lanes.running.shape
    alone, together = (groups_of(axis, seeds, settings, width) for axis in ("settings", "lanes"))
    return "settings" if alone <= MORE_GROUPS * together else "lanes"
