"""A step compiled by torch's inductor, for the steps for which no code can be generated, for example on CUDA."""

import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx
from torch._inductor import compile as compile_graph
from torch._inductor import cpp_builder
from torch.fx.experimental.proxy_tensor import make_fx

from benchbed.codegen.compiler import compiler_path, private_folder, run_compiler, usable_target
from benchbed.codegen.errors import TooLittleWorkError
from benchbed.codegen.trace import LEADING_DIMENSIONS, InputKind, TracedStep
from benchbed.engine.backends import eager_seconds
from benchbed.engine.batch import Batch
from benchbed.engine.compiled_backend import trace_step
from benchbed.engine.pytrees import Lanes, TreeTemplate, leaves, tiles
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine
from benchbed.interfaces.modules.forward import replaced_functions

RunStep = Callable[..., list[Tensor]]
"""The inputs of a traced step for a block of lanes -> the tensors of the lanes that it changes."""

MAXIMUM_STEPS = 32
"""Pairings whose steps a process caches."""
START_SECONDS = 20.0
OPERATION_SECONDS = 0.02
"""Twice the seconds that inductor takes to compile, in all and for each operation."""
CALL_SECONDS = 2e-5
"""Seconds of a call of a step."""
COMPILED_SHARE = 0.5
"""Seconds of its arithmetic as a share of eager ones."""
MAPPED_DIMENSIONS: dict[InputKind, tuple[int | None, int | None]] = {
    "lane": (0, 0),
    "step": (None, None),
    "step_seed": (0, None),
    "setting": (None, 0),
    "seed": (0, None),
    "shared": (None, None),
}
"""The dimensions of an input that `vmap` maps: over seeds, and then over settings."""


class InductorBackend:
    """The step of a pairing: of one lane on a CPU, where lanes run one after another, and of all lanes on a GPU."""

    def __init__(self, tile: Tile, lanes: Lanes) -> None:
        self._state, self._data = TreeTemplate(lanes), TreeTemplate(tile.instances.data)
        self._on_cpu = lanes.theta.device.type == "cpu"
        self._block_shape = block_shape(lanes)
        self.minimum_lanes = 1 if self._on_cpu else sys.maxsize
        """A step of all lanes would be compiled again for fewer of them."""
        self.description = "compiled by torch's inductor"
        traced = trace_step(tile, lanes)
        self._operations = len(traced.graph.graph.nodes)
        self.require_work(tile.batch)
        inputs = self._inputs(tile, lanes, 1)
        self._changes, graph = _changed_results(traced.graph)
        if self._block_shape != (1, 1):
            graph = _map_lanes(traced._replace(graph=graph), inputs)
        with _quiet_and_limited(self._on_cpu):
            options = {
                "compile_threads": 1,
                "cpp_wrapper": self._on_cpu,
                "emulate_precision_casts": True,  # round to bfloat16 after each operation, as eager steps do
            }
            self._run: RunStep = compile_graph(graph, [*inputs], options=options)
            self._run(*inputs)  # now, so that what torch delays does not count as time of the steps

    def require_work(self, batch: Batch) -> None:
        """Raise TooLittleWorkError if the step takes longer to compile than it saves, compiled or not."""
        require_work(batch, self._operations, self._on_cpu)

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start` on; return the lanes before each of the steps `stops`."""
        self._state.require_match(lanes)
        self._data.require_match(tile.instances.data)
        snapshots, length = [], tile.batch.problem.draw_block
        for stop in stops:
            while start < stop:
                end = min(stop, (start // length + 1) * length)
                lanes = self._advance_in_block(tile, lanes, start, end)
                start = end
            snapshots.append(lanes)
        return snapshots

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Return 1: a call of a step costs as much as a measurement."""
        return 1

    def _advance_in_block(self, tile: Tile, lanes: Lanes, start: int, stop: int) -> Lanes:
        """Run steps that have their draws in one block; lanes that have stopped stay as they are."""
        after = [leaf.clone(memory_format=torch.contiguous_format) for leaf in leaves(lanes)]
        progress, draws = tile.progress(start, stop), leaves(tile.draws(start, stop))
        settings, data = list(tile.hyperparameters.values()), leaves(tile.instances.data)
        for seeds, columns in self._blocks(lanes):
            if not lanes.running[seeds, columns].any():
                continue
            block = [leaf[seeds, columns] for leaf in after]
            constants = [value[columns] for value in settings]
            constants += data if tile.instances.shared else [leaf[seeds] for leaf in data]
            block_draws = [leaf[:, seeds].unbind() for leaf in draws]
            for step, share in enumerate(progress.unbind()):
                step_draws = (leaf[step] for leaf in block_draws)
                for position, tensor in zip(
                    self._changes, self._run(*block, share, *step_draws, *constants), strict=True
                ):
                    block[position] = tensor
            for position in self._changes:
                after[position][seeds, columns] = block[position]
        return self._state.fill(after)  # type: ignore[no-any-return]  # trees are Any

    def _blocks(self, lanes: Lanes) -> Iterator[tuple[slice, slice]]:
        seeds, settings = lanes.running.shape
        return tiles(seeds, settings, self._block_shape[0] * self._block_shape[1])

    def _inputs(self, tile: Tile, lanes: Lanes, step: int) -> list[Tensor]:
        """Return the inputs of a step for the first block of lanes."""
        seeds, settings = map(slice, self._block_shape)
        data = leaves(tile.instances.data)
        return [
            *(leaf[seeds, settings].clone(memory_format=torch.contiguous_format) for leaf in leaves(lanes)),
            tile.progress(step, step + 1)[0],
            *(leaf[0, seeds] for leaf in leaves(tile.draws(step, step + 1))),
            *(value[settings] for value in tile.hyperparameters.values()),
            *(data if tile.instances.shared else (leaf[seeds] for leaf in data)),
        ]


def inductor_backend(tile: Tile, lanes: Lanes) -> InductorBackend:
    """Return the compiled step of a pairing, built once a process.

    Raises TooLittleWorkError if it takes longer to compile than it saves, and any exception of torch's compiler or of
    the plugin if it cannot be compiled.
    """
    key = tile.cache_key, block_shape(lanes)
    if key in _cache:
        _cache[key].require_work(tile.batch)
        return _cache[key]
    if len(_cache) == MAXIMUM_STEPS:
        _cache.clear()
    _cache[key] = InductorBackend(tile, lanes)
    return _cache[key]


_cache: dict[Hashable, InductorBackend] = {}


def block_shape(lanes: Lanes) -> tuple[int, int]:
    """Return the seeds and settings for which a step is compiled: a CPU is fastest with one lane in its cache."""
    seeds, settings = lanes.running.shape
    return (1, 1) if lanes.theta.device.type == "cpu" else (seeds, settings)


def require_work(batch: Batch, operations: int, on_cpu: bool) -> None:
    """Raise TooLittleWorkError if a step takes longer to compile than it saves; it depends on the plan alone."""
    planned = batch.planned or batch
    calls = planned.budget * (len(planned.seeds) * planned.settings if on_cpu else 1)
    seconds = START_SECONDS + operations * OPERATION_SECONDS
    saved = (1 - COMPILED_SHARE) * eager_seconds(batch) - calls * CALL_SECONDS
    if batch.engine == Engine.AUTO and saved < seconds:
        raise TooLittleWorkError("torch's inductor takes longer to compile it than it saves")


def _changed_results(traced: fx.GraphModule) -> tuple[list[int], fx.GraphModule]:
    """Return the positions of the lane's tensors that a step changes, and the graph that computes only these."""
    graph = fx.Graph()
    results: Any = graph.graph_copy(traced.graph, {})
    placeholders = graph.find_nodes(op="placeholder")
    changes = [position for position, node in enumerate(results) if node is not placeholders[position]]
    graph.output([results[position] for position in changes])
    return changes, fx.GraphModule(traced, graph)


def _map_lanes(traced: TracedStep, inputs: Sequence[Tensor]) -> fx.GraphModule:
    """Return the graph of a step of all lanes, from that of one lane."""

    def step_lane(*tensors: Tensor) -> list[Tensor]:
        with_lanes = (
            tensor.reshape((1,) * LEADING_DIMENSIONS[kind][0] + tuple(tensor.shape))
            for kind, tensor in zip(traced.kinds, tensors, strict=True)
        )
        return [result[0, 0] for result in traced.graph(*with_lanes)]

    seed_dimensions, setting_dimensions = zip(
        *(MAPPED_DIMENSIONS[kind] for kind in traced.kinds), strict=True
    )
    mapped = torch.func.vmap(torch.func.vmap(step_lane, setting_dimensions), seed_dimensions)
    return make_fx(mapped, tracing_mode="fake", _allow_non_fake_inputs=True)(*inputs)


@contextmanager
def _quiet_and_limited(on_cpu: bool) -> Iterator[None]:
    """Compile in a private folder, within the compiler's time limit, and without torch's warnings of its internals."""
    # The default is a folder in /tmp that another user may have created, and torch executes what it contains.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(private_folder("inductor")))
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not on_cpu:
                yield
                return
            usable_target()
            with (
                torch._inductor.config.patch({"cpp.cxx": (None, compiler_path())}),
                replaced_functions(cpp_builder, _run_compile_cmd=_run_within_limit),
            ):
                yield
    finally:
        logging.disable(disabled)


def _run_within_limit(command: str, folder: str) -> None:
    """Run a command of the compiler in a folder; torch itself would wait for it without a time limit."""
    _, *arguments = shlex.split(command)
    run_compiler(*arguments, folder=folder)
