"""Make many steps as one compiled program: a scan over tensors of all lanes, with no Python between the steps."""

import itertools
import warnings
from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch._higher_order_ops.scan import scan

from benchbed.engine.pytrees import Lanes, TreeTemplate, leaves
from benchbed.engine.step import StepInputs
from benchbed.engine.tile import Tile
from benchbed.seeds import DRAW_BLOCK

Tensors = Sequence[Tensor]
Run = Callable[[Tensors, Tensors, Tensors], list[Tensor]]
"""Tensors of the lanes, of what differs between steps `[steps, …]`, and of what does not -> tensors of the lanes."""

KEPT = 32
"""Pairings whose programs a process keeps."""
DYNAMO: dict[str, Any] = {
    # A pairing makes a few: one or several seeds, one or several settings, on the grid or fixed.
    "recompile_limit": 16,
    # What may vary is marked; all else is a constant, whatever the process compiled before.
    "automatic_dynamic_shapes": False,
    "specialize_float": True,
}


class ScanBackend:
    """The steps of a pairing as a program for any number of steps and, from two on, of seeds and settings."""

    def __init__(self, program: Tile, lanes: Lanes) -> None:
        self._lanes, self._data = TreeTemplate(lanes), TreeTemplate(program.instances.data)
        if self._lanes.constants:
            raise TypeError(
                f"the state holds {self._lanes.constants[0]!r}, which is no tensor and would stand still"
            )
        options: dict[str, Any] = (
            {"cpp_wrapper": True, "compile_threads": 1} if lanes.theta.device.type == "cpu" else {}
        )
        self._run: Run = torch.compile(_of_its_own(_scan(program, lanes)), fullgraph=True, options=options)

    def advance(self, program: Tile, lanes: Lanes, start: int, stops: Sequence[int]) -> list[Lanes]:
        """Make the steps from `start` on; give the lanes before each of the steps `stops`, `lanes` unchanged."""
        ahead = []
        for stop in stops:
            while start < stop:
                end = min(stop, (start // DRAW_BLOCK + 1) * DRAW_BLOCK)
                # A single step would be a program of its own.
                alone = end - start == 1
                lanes = program.step(lanes, start) if alone else self._scan(program, lanes, start, end)
                start = end
            ahead.append(lanes)
        return ahead

    def _scan(self, program: Tile, lanes: Lanes, start: int, stop: int) -> Lanes:
        if not (self._lanes.matches(lanes) and self._data.matches(program.instances.data)):
            raise TypeError("state or data differ between batches in something beside tensors")
        shared = program.instances.shared
        carried = [leaf.contiguous() for leaf in leaves(lanes)]
        # A part of a block lies where it lies in memory, and one at its beginning would be a program of its own.
        draws = [leaf.clone() for leaf in leaves(program.draws(start, stop))]
        given = [program.progress(start, stop), *draws]
        data = leaves(program.instances.data)
        hyperparameters = list(program.hyperparameters.values())
        _let_vary(carried, 0, 1)
        _let_vary(given, 0)
        _let_vary(given[1:], 1)
        _let_vary([*hyperparameters, *([] if shared else data)], 0)
        with torch._dynamo.config.patch(DYNAMO):
            return self._lanes.fill(self._run(carried, given, [*hyperparameters, *data]))  # type: ignore[no-any-return]  # trees are Any


def scan_backend(program: Tile, lanes: Lanes) -> ScanBackend:
    """Give the steps of a pairing, compiled once a process.

    Raises whatever the compiler or the plugin raises where they cannot be compiled.
    """
    if program.cache_key not in _compiled:
        if len(_compiled) == KEPT:
            _compiled.clear()
            torch.compiler.reset()
        steps = ScanBackend(program, lanes)
        # Compile now, so that it is not counted among the steps; what comes of it is thrown away.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler warns of its own parts
            steps.advance(program, lanes, 1, [3])
        _compiled[program.cache_key] = steps
    return _compiled[program.cache_key]


_compiled: dict[Hashable, ScanBackend] = {}


def _let_vary(tensors: Tensors, *dimensions: int) -> None:
    for tensor in tensors:
        for dimension in dimensions:
            torch._dynamo.maybe_mark_dynamic(tensor, dimension)


def _of_its_own(run: FunctionType) -> FunctionType:
    """Give a function with code of its own: torch keeps programs, and counts them, by the code that they come from."""
    code = run.__code__.replace(co_name=f"run_{next(_numbers)}")
    return FunctionType(code, run.__globals__, code.co_name, run.__defaults__, run.__closure__)


_numbers = itertools.count()


def _scan(program: Tile, lanes: Lanes) -> FunctionType:
    kernel = program.stepper
    form = program.batch.gradient.traced or program.batch.gradient.differentiate
    names = list(program.hyperparameters)
    like_lanes, like_data = TreeTemplate(lanes), TreeTemplate(program.instances.data)
    like_draws = TreeTemplate(program.draws(0, 1))

    def run(carried: Tensors, given: Tensors, constant: Tensors) -> list[Tensor]:
        def step(carried: Tensors, given: Tensors) -> tuple[list[Tensor], tuple[()]]:
            rule = kernel.bind(dict(zip(names, constant, strict=False)))
            # Views: of what comes from outside of the loop as it is, torch 2.13 cannot trace the transpose.
            data = like_data.fill([leaf.view_as(leaf) for leaf in constant[len(names) :]])
            inputs = StepInputs(data, draws=like_draws.fill(given[1:]), progress=given[0])
            # Any index but the first: it is only named in errors, which show when the step is made eagerly.
            moved = leaves(kernel.step(rule, like_lanes.fill(carried), inputs, 1, form))
            # What a scan carries may be no alias of what came in, and lies in memory as that does.
            return [
                new.clone() if new is old else new.contiguous()
                for new, old in zip(moved, carried, strict=True)
            ], ()

        return scan(step, carried, given)[0]  # type: ignore[no-any-return]  # scan returns Any

    return run  # type: ignore[return-value]  # mypy takes a function for a mere callable
