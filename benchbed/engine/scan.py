"""A compiled scan of the traced step: all steps between two checkpoints in one call, without Python between them.

It serves the steps for which no code can be generated, for example on CUDA.
"""

import itertools
import os
import warnings
from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from benchbed.codegen.compiler import private_folder, usable_target
from benchbed.engine.pytrees import Lanes, TreeTemplate, leaves
from benchbed.engine.step import StepInputs
from benchbed.engine.tile import Tile

Tensors = Sequence[Tensor]
RunSteps = Callable[[Tensors, Tensors, Tensors], list[Tensor]]
"""Tensors of the lanes, of the inputs that differ between steps `[steps, …]`, and of those that do not -> tensors of
the lanes."""

MAXIMUM_SCANS = 32
"""Pairings whose compiled scans a process caches."""
DYNAMO: dict[str, Any] = {
    # A pairing needs a few: one or several seeds, one or several settings, on the grid or fixed.
    "recompile_limit": 16,
    # Only the marked dimensions may vary, independent of everything that the process compiled before.
    "automatic_dynamic_shapes": False,
    "specialize_float": True,
}


class ScanBackend:
    """The compiled scan of a pairing, for any number of steps and for any number (from two) of seeds and settings."""

    minimum_lanes = 2
    """torch specializes on a size of 1, so with fewer seeds or settings it would compile the scan again."""

    def __init__(self, tile: Tile, lanes: Lanes) -> None:
        self._lanes, self._data = TreeTemplate(lanes), TreeTemplate(tile.instances.data)
        self._lanes.require_tensors()
        on_cpu = lanes.theta.device.type == "cpu"
        if on_cpu:
            usable_target()  # torch would wait for the compiler without a time limit
        # The default is a folder in /tmp that another user may have created, and torch executes what it contains.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(private_folder("scans")))
        options: dict[str, Any] = {"cpp_wrapper": True, "compile_threads": 1} if on_cpu else {}
        function = _with_unique_code(_scan_function(tile, lanes))
        self._run: RunSteps = torch.compile(function, fullgraph=True, options=options)

    def advance(self, tile: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Run the steps from `start` on; return the lanes before each of the steps `stops`."""
        snapshots, length = [], tile.batch.problem.draw_block
        for stop in stops:
            while start < stop:
                end = min(stop, (start // length + 1) * length)
                # A scan of one step would be compiled separately.
                is_single = end - start == 1
                lanes = tile.step(lanes, start) if is_single else self._run_scan(tile, lanes, start, end)
                start = end
            snapshots.append(lanes)
        return snapshots

    def lookahead(self, lanes: Lanes, start: int, stops: Sequence[int]) -> int:
        """Return 1: a scan returns to the loop at every checkpoint."""
        return 1

    def _run_scan(self, tile: Tile, lanes: Lanes, start: int, stop: int) -> Lanes:
        self._lanes.require_match(lanes)
        self._data.require_match(tile.instances.data)
        carried = [leaf.contiguous() for leaf in leaves(lanes)]
        # Clones: the memory offset of a slice is part of what is compiled.
        draws = [leaf.clone() for leaf in leaves(tile.draws(start, stop))]
        per_step = [tile.progress(start, stop), *draws]
        data = leaves(tile.instances.data)
        hyperparameters = list(tile.hyperparameters.values())
        _mark_dynamic(carried, 0, 1)
        _mark_dynamic(per_step, 0)
        _mark_dynamic(draws, 1)
        _mark_dynamic([*hyperparameters, *([] if tile.instances.shared else data)], 0)
        with torch._dynamo.config.patch(DYNAMO):
            return self._lanes.fill(self._run(carried, per_step, [*hyperparameters, *data]))  # type: ignore[no-any-return]  # trees are Any


def scan_backend(tile: Tile, lanes: Lanes) -> ScanBackend:
    """Return the scan of a pairing, compiled once a process.

    Raises: any exception of torch's compiler or of the plugin if it cannot be compiled.
    """
    if tile.cache_key not in _compiled:
        if len(_compiled) == MAXIMUM_SCANS:
            _compiled.clear()
            torch.compiler.reset()
        backend = ScanBackend(tile, lanes)
        # Compile now, so that compiling does not count as time of the steps; the result is discarded.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's compiler warns of its own internals
            backend.advance(tile, lanes, 1, [3])
        _compiled[tile.cache_key] = backend
    return _compiled[tile.cache_key]


_compiled: dict[Hashable, ScanBackend] = {}


def _mark_dynamic(tensors: Tensors, *dimensions: int) -> None:
    for tensor in tensors:
        for dimension in dimensions:
            torch._dynamo.maybe_mark_dynamic(tensor, dimension)


def _with_unique_code(function: FunctionType) -> FunctionType:
    """Return a copy with a code object of its own: torch caches and counts compiled functions by code object."""
    code = function.__code__.replace(co_name=f"run_{next(_numbers)}")
    return FunctionType(code, function.__globals__, code.co_name, function.__defaults__, function.__closure__)


_numbers = itertools.count()


def _scan_function(tile: Tile, lanes: Lanes) -> FunctionType:
    stepper = tile.stepper
    differentiate = tile.batch.gradient.traced or tile.batch.gradient.differentiate
    names = list(tile.hyperparameters)
    lanes_template, data_template = TreeTemplate(lanes), TreeTemplate(tile.instances.data)
    draws_template = TreeTemplate(tile.draws(0, 1))

    def run(carried: Tensors, per_step: Tensors, constant: Tensors) -> list[Tensor]:
        def step(carried: Tensors, inputs: Tensors) -> tuple[list[Tensor], tuple[()]]:
            rule = stepper.bind(dict(zip(names, constant, strict=False)))
            # Views: torch 2.13 cannot trace the transpose of an input of the loop itself.
            data = data_template.fill([leaf.view_as(leaf) for leaf in constant[len(names) :]])
            draws = draws_template.fill(inputs[1:])
            step_inputs = StepInputs(data, draws, progress=inputs[0], traced_gradient=differentiate)
            after = leaves(stepper.step(rule, lanes_template.fill(carried), step_inputs))
            # The carried tensors of a scan must not alias its inputs, and must keep their memory layout.
            return [
                leaf.clone() if leaf is leaf_before else leaf.contiguous()
                for leaf, leaf_before in zip(after, carried, strict=True)
            ], ()

        return scan(step, carried, per_step)[0]  # type: ignore[no-any-return]  # scan returns Any

    return run  # type: ignore[return-value]  # mypy takes a function for a mere callable
