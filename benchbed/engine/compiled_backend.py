"""The steps of a pairing as one generated C++ function."""

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from itertools import groupby
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.errors import TooLittleWorkError, UnsupportedOperationError
from benchbed.codegen.lanewise import codegen as lanewise
from benchbed.codegen.template import Axis, LaneGroups
from benchbed.codegen.tensorwise import codegen as tensorwise
from benchbed.codegen.trace import InputKind, TracedStep, trace_function
from benchbed.engine.backends import eager_seconds
from benchbed.engine.pytrees import Lanes, TreeTemplate, is_flat, leaves
from benchbed.engine.sampling import Instances
from benchbed.engine.step import StepInputs
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine

MAX_CACHED_STEPS = 256
"""Compiled steps that a process keeps."""
COMPILE_SECONDS = 0.004
"""Seconds in which an operation of a tensorwise step is compiled, 0.003 to 0.005 for networks of 90 to 660."""
LOOKAHEAD_OPERATIONS = 200_000
"""Vector operations, a tenth of a millisecond, that may be discarded if a lane stops before they are needed."""
MAX_GROUP_RATIO = 1.5
"""How many times as many groups of lanes are accepted so that each has one seed, whose draws its lanes then share."""


class GeneratedBackend:
    """The compiled steps of a pairing, for any number of steps, seeds and settings."""

    minimum_lanes = 1

    def __init__(self, tile: Tile, lanes: Lanes, traced: TracedStep, compiled: CompiledStep) -> None:
        self._compiled = compiled
        self.operations = len(traced.graph.graph.nodes)
        self.form = compiled.source.form
        self.description = f"{compiled.source.form} code"
        if compiled.source.called_operations:
            self.description += f" that calls {', '.join(compiled.source.called_operations)}"
        self._state, self._data = TreeTemplate(lanes.state), TreeTemplate(tile.instances.data)
        self._has_draws = "step_seed" in traced.kinds
        self._reads_progress = traced.kinds.index("step") in compiled.source.reads
        self._bound_tile: ReferenceType[Tile] | None = None
        self._constants: list[Tensor] = []
        self._no_progress = torch.empty(0, dtype=tile.instances.dtype)

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start`; return the lanes before each of the steps `stops`, with `lanes` unchanged."""
        is_new = self._bound_tile is None or self._bound_tile() is not tile
        if is_new:
            self._bind(tile)
        results: dict[int, Lanes] = {}
        for ends in self._split_at_blocks(start, stops, tile.batch.problem.draw_block):
            last = ends[-1]
            progress = tile.progress(start, last) if self._reads_progress else self._no_progress
            draws = leaves(tile.draws(start, last)) if self._has_draws else []
            inputs = [*_lane_tensors(lanes), progress, *draws, *self._constants]
            if is_new:
                self._compiled.check(inputs)
            seeds, settings = lanes.running.shape
            steps = [end - start for end in ends]
            tensors = self._compiled.run(steps, seeds, settings, inputs, tile.batch.threads)
            results.update(zip(ends, (self._rebuild(lanes, each) for each in tensors), strict=True))
            lanes, start = results[last], last
        return [results[stop] for stop in stops]

    def _split_at_blocks(self, start: int, stops: Sequence[int], length: int) -> list[list[int]]:
        """Group `stops` by their block of draws of this length; the end of each block becomes a stop as well."""
        if not self._has_draws:
            return [list(stops)]
        ends = {*stops, *range((start // length + 1) * length, stops[-1], length)}
        return [list(block) for _, block in groupby(sorted(ends), lambda end: (end - 1) // length)]

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Return how many of `stops` to compute in one call: those that cost less than a return to the loop."""
        per_step = self._compiled.operations(1, *lanes.running.shape)
        return max(1, bisect_right(stops, start + LOOKAHEAD_OPERATIONS // per_step))

    def _bind(self, tile: Tile) -> None:
        """Store the inputs that do not change between steps.

        Raises TypeError if the data differ from the traced data in more than their tensors.
        """
        self._data.require_match(tile.instances.data)
        constants = [*tile.hyperparameters.values(), *leaves(tile.instances.data)]
        self._constants = [tensor.contiguous() for tensor in constants]
        self._bound_tile = ref(tile)

    def _rebuild(self, lanes: Lanes, tensors: list[Tensor]) -> Lanes:
        # Not by torch's pytrees, which take as long as hundreds of steps.
        buffers = lanes.buffers
        if buffers is not None:
            count = len(leaves(buffers))
            buffers, tensors = TreeTemplate(buffers).fill(tensors[-count:]), tensors[:-count]
        converged = None if lanes.converged is None else tensors[-1]
        theta, *state, calls, steps, running, diverged = tensors if converged is None else tensors[:-1]
        tree = lanes.state._make(state) if is_flat(lanes.state) else self._state.fill(state)
        return Lanes(theta, tree, calls, steps, running, diverged, converged, buffers)


def _lane_tensors(lanes: Lanes) -> list[Tensor]:
    """Return the tensors of lanes in the order of `leaves`."""
    state = lanes.state
    return [
        lanes.theta,
        *(state if is_flat(state) else leaves(state)),
        *(tensor for tensor in lanes[2:-1] if tensor is not None),
        *leaves(lanes.buffers),
    ]


def generated_backend(tile: Tile, lanes: Lanes) -> GeneratedBackend:
    """Return the compiled steps of a pairing, built once a process.

    Raises UnsupportedOperationError for an operation that the generator does not support, TooLittleWorkError if
    compiling takes longer than the steps, CompilationError without a compiler, and the error of torch or the plugin
    where a step cannot be traced.
    """
    if lanes.theta.device.type != "cpu":
        raise UnsupportedOperationError(f"steps on {lanes.theta.device.type}")
    width = vector_width(lanes.theta.dtype)
    axis = _choose_axis(tile, lanes, width)
    key = tile.cache_key, axis
    if key in _cache:
        if _cache[key].form == "tensorwise":
            _require_work(tile, _cache[key].operations)
        return _cache[key]
    if len(_cache) == MAX_CACHED_STEPS:
        _cache.clear()
    traced = trace_step(tile, lanes)
    try:
        source = lanewise.generate(traced, axis, width)
    except UnsupportedOperationError:
        _require_work(tile, len(traced.graph.graph.nodes))
        source = tensorwise.generate(traced, width)  # too long for registers
    _cache[key] = GeneratedBackend(tile, lanes, traced, CompiledStep(traced, source))
    return _cache[key]


_cache: dict[Hashable, GeneratedBackend] = {}


def _require_work(tile: Tile, operations: int) -> None:
    """Raise TooLittleWorkError if a step takes longer to compile than the batch takes eagerly.

    It depends on the plan alone, so a step that is already compiled does not count.
    """
    if tile.batch.engine == Engine.AUTO and eager_seconds(tile.batch) < operations * COMPILE_SECONDS:
        raise TooLittleWorkError(f"{operations} operations take longer to compile than to run")


def _choose_axis(tile: Tile, lanes: Lanes, width: int) -> Axis:
    """Let a vector hold lanes of several seeds, unless the seeds have draws and there are enough settings."""
    if not leaves(tile.draws(0, 1)):
        return "lanes"
    seeds, settings = lanes.running.shape
    of_one_seed, of_any = (LaneGroups(axis, width).total(seeds, settings) for axis in ("settings", "lanes"))
    return "settings" if of_one_seed <= MAX_GROUP_RATIO * of_any else "lanes"


def trace_step(tile: Tile, lanes: Lanes) -> TracedStep:
    """Trace the step of one lane; lanes do not depend on one another, so its graph holds for all.

    Raises the error of torch or the plugin where the step cannot be traced.
    """
    stepper, gradient = tile.stepper, tile.batch.gradient
    differentiate = gradient.traced or gradient.differentiate
    names, draws = list(tile.hyperparameters), tile.draws(0, 1)
    lane_template, draw_template, data_template = map(TreeTemplate, (lanes, draws, tile.instances.data))
    lane_template.require_tensors()

    def step(
        lane: Sequence[Tensor], progress: Tensor, draw: Sequence[Tensor], setting: Sequence[Tensor],
        data: Sequence[Tensor],
    ) -> list[Tensor]:  # fmt: skip
        rule = stepper.bind(dict(zip(names, setting, strict=True)))
        inputs = StepInputs(
            data_template.fill(data), draw_template.fill(draw), progress, traced_gradient=differentiate
        )
        return leaves(stepper.step(rule, lane_template.fill(lane), inputs))

    progress = tile.progress(0, 1)[0]
    lane = [leaf[:1, :1].contiguous() for leaf in leaves(lanes)]
    draw = [leaf[0, :1] for leaf in leaves(draws)]
    setting = [value[:1] for value in tile.hyperparameters.values()]
    data_kind, data = data_of_one_seed(tile.instances)
    with torch.no_grad():
        graph = trace_function(step, lane, progress, draw, setting, data)
    groups: tuple[tuple[InputKind, list[Tensor]], ...] = (
        ("lane", lane),
        ("step", [progress]),
        ("step_seed", draw),
        ("setting", setting),
        (data_kind, data),
    )
    kinds = [kind for kind, tensors in groups for _ in tensors]
    return TracedStep(graph, kinds, [tensor for _, tensors in groups for tensor in tensors])


def data_of_one_seed(instances: Instances) -> tuple[InputKind, list[Tensor]]:
    """Return the tensors of the data that all seeds share, or of the first seed's data, with their kind."""
    tensors = leaves(instances.data)
    return ("shared", tensors) if instances.shared else ("seed", [tensor[:1] for tensor in tensors])
