"""Trace a step of one lane, and say where each of its inputs comes from."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, fx
from torch._decomp import core_aten_decompositions, get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx

from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import Lanes, TreeTemplate, leaves
from benchbed.engine.sampling import Instances
from benchbed.engine.step import StepInputs
from benchbed.engine.tile import Tile

Role = Literal["lane", "progress", "draw", "setting", "seed", "all"]
"""What an input is given for: each lane, each step, each step of a seed, each setting, each seed, or for all alike."""
LEADING: dict[Role, tuple[int, int]] = {
    "lane": (2, 2),
    "progress": (0, 1),
    "draw": (1, 2),
    "setting": (1, 1),
    "seed": (1, 1),
    "all": (0, 0),
}
"""The dimensions that stand before those of a lane: in what is traced, and in a tile's inputs."""

aten = torch.ops.aten


class Trace(NamedTuple):
    """A step as a graph of torch's operations on the tensors of a single lane."""

    graph: fx.GraphModule
    roles: list[Role]
    """Of the graph's inputs, in order."""
    inputs: list[Tensor]
    """Those that were traced, of one lane."""

    def check(self, inputs: Sequence[Tensor]) -> None:
        """Raise TypeError unless a tile's inputs are, lane by lane, what was traced: a program does not look."""
        for role, one, several in zip(self.roles, self.inputs, inputs, strict=True):
            ahead, behind = LEADING[role]
            if several.dtype != one.dtype or several.shape[behind:] != one.shape[ahead:]:
                raise TypeError("state or data differ between batches in something beside their lanes")


def trace_step(program: Tile, lanes: Lanes) -> Trace:
    """Trace the step of one lane: no lane depends on another, so what is right for one is right for all.

    Raises whatever torch or the plugin raises where it cannot be traced.
    """
    kernel, gradient = program.stepper, program.batch.gradient
    form = gradient.traced or gradient.differentiate
    if constants := TreeTemplate(lanes).constants:
        raise TypeError(f"the state holds {constants[0]!r}, which is no tensor and would stand still")
    names, draws, data = list(program.hyperparameters), program.draws(0, 1), program.instances.data
    like_lanes, like_draws, like_data = TreeTemplate(lanes), TreeTemplate(draws), TreeTemplate(data)

    def step(
        lane: Sequence[Tensor], progress: Tensor, drawn: Sequence[Tensor], *rest: Sequence[Tensor]
    ) -> list[Tensor]:
        rule = kernel.bind(dict(zip(names, rest[0], strict=True)))
        inputs = StepInputs(like_data.fill(rest[1]), like_draws.fill(drawn), progress)
        # Any index but the first: it is only named in errors, which show when the step is made eagerly.
        return leaves(kernel.step(rule, like_lanes.fill(lane), inputs, 1, form))

    one = [leaf[:1, :1].contiguous() for leaf in leaves(lanes)]
    own = _of_one(program.instances)
    drawn = [leaf[0, :1] for leaf in leaves(draws)]
    settings = [value[:1] for value in program.hyperparameters.values()]
    with torch.no_grad():
        graph = traced(step)(one, program.progress(0, 1)[0], drawn, settings, own)
    kinds: tuple[tuple[Role, int], ...] = (
        *(("lane", len(one)), ("progress", 1), ("draw", len(drawn)), ("setting", len(settings))),
        (_role_of_data(program.instances), len(own)),
    )
    roles = [role for role, count in kinds for _ in range(count)]
    return Trace(graph, roles, [*one, program.progress(0, 1)[0], *drawn, *settings, *own])


def trace_objective(instances: Instances, theta: Tensor) -> Trace:
    """Trace the objective at `theta: [seeds, settings, dimension]` for one lane, as a step that notes its value.

    The lane's tensors are θ and that value. Raises as `trace_step` does.
    """
    like_data, function = (
        TreeTemplate(instances.data),
        batched(instances.problem, instances.problem.objective),
    )

    def look(lane: Sequence[Tensor], own: Sequence[Tensor]) -> list[Tensor]:
        return [lane[0], function(lane[0], like_data.fill(own))]

    one, own = [theta[:1, :1].contiguous(), theta.new_zeros(1, 1)], _of_one(instances)
    with torch.no_grad():
        graph = traced(look)(one, own)
    return Trace(graph, ["lane", "lane", *[_role_of_data(instances)] * len(own)], [*one, *own])


def _of_one(instances: Instances) -> list[Tensor]:
    """Give the data of one seed."""
    return [leaf if instances.shared else leaf[:1] for leaf in leaves(instances.data)]


def _role_of_data(instances: Instances) -> Role:
    return "all" if instances.shared else "seed"


def traced(step: Callable[..., Any]) -> Callable[..., fx.GraphModule]:
    """Give the function that traces `step`, which may change tensors of its own in place, to operations of the core."""

    def trace(*inputs: object) -> fx.GraphModule:
        graph = _pure(step)(*inputs)
        # What torch takes an operation apart to may be in place again.
        if any(_is_in_place(node) for node in graph.graph.nodes):
            graph = _pure(graph)(*inputs)
        graph.graph.eliminate_dead_code()
        return graph

    return trace


def _pure(step: Callable[..., Any]) -> Callable[..., fx.GraphModule]:
    # Fake tensors have no values: a rule that looks at one is refused, where its answer would become a constant.
    # Tensors that are held by a function have values, and are constants.
    return make_fx(
        torch.func.functionalize(step, remove="mutations"),
        decomposition_table=_decompositions(),
        tracing_mode="fake",
        _allow_non_fake_inputs=True,
    )


def _is_in_place(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


@functools.cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    # By its items: torch fills the table as it is read, and `|` finds it empty.
    more = get_decompositions(
        [aten.gelu, aten.gelu_backward, aten.native_layer_norm, aten._softmax, aten._softmax_backward_data,
         aten._log_softmax, aten._log_softmax_backward_data, aten.addmm, aten.baddbmm]
    )  # fmt: skip
    return {**dict(core_aten_decompositions().items()), **more}
