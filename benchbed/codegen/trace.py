"""Tracing of a step of one lane to a graph of torch's core operations."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, fx
from torch._decomp import core_aten_decompositions, get_decompositions
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
from torch.fx import traceback as fx_traceback
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.plugin_lines import PluginLines, plugin_line_of

InputKind = Literal["lane", "step", "step_seed", "setting", "seed", "shared"]
"""The indices on which an input of a step depends."""
LEADING_DIMENSIONS: dict[InputKind, tuple[int, int]] = {
    "lane": (2, 2),
    "step": (0, 1),
    "step_seed": (1, 2),
    "setting": (1, 1),
    "seed": (1, 1),
    "shared": (0, 0),
}
"""Number of dimensions before those of a single lane: in the traced tensor, and in the input of the compiled step.

`lane: [seeds, settings, ...]`, `step: [steps, ...]`, `step_seed: [steps, seeds, ...]`, `setting: [settings, ...]`,
`seed: [seeds, ...]`, `shared: [...]`. The traced tensors are those of one step, seed and setting.
"""

MAXIMUM_PASSES = 2
"""Passes that remove side effects; decompositions in the first may have some again."""

aten = torch.ops.aten


class TracedStep(NamedTuple):
    """A step of a single lane as a graph: a function of its inputs that returns the new tensors of the lane."""

    graph: fx.GraphModule
    kinds: list[InputKind]
    """One for each input of the graph; the tensors of the lane come first."""
    inputs: list[Tensor]
    """The tensors with which the step was traced."""
    name: str = "step"
    """A label for the generated source."""

    def check(self, inputs: Sequence[Tensor]) -> None:
        """Raise TypeError unless `inputs` have the traced types and shapes, which compiled code relies on."""
        for kind, traced, tensor in zip(self.kinds, self.inputs, inputs, strict=True):
            traced_leading, leading = LEADING_DIMENSIONS[kind]
            if tensor.dtype != traced.dtype or tensor.shape[leading:] != traced.shape[traced_leading:]:
                raise TypeError("state or data differ between batches in more than the number of lanes")


def trace_function(function: Callable[..., Any], *inputs: object) -> fx.GraphModule:
    """Trace `function` at `inputs` to core operations without side effects.

    The function may modify tensors that it created in place. The `stack_trace` of a node is its line of a plugin.

    Raises: UnsupportedOperationError if the function reads the value of a tensor, and the error of torch or of the
    function where it cannot be traced for another reason.
    """
    try:
        graph = _trace_without_side_effects(function, inputs)
    except RuntimeError as error:
        if not isinstance(error, _errors_of_read_values()):
            raise
        unsupported = UnsupportedOperationError("Python code that depends on the value of a tensor")
        unsupported.line = plugin_line_of(error)
        raise unsupported from error
    graph.graph.eliminate_dead_code()
    for node in graph.graph.find_nodes(op="get_attr"):
        node.meta["val"] = getattr(graph, str(node.target))
    return graph


def _errors_of_read_values() -> tuple[type[RuntimeError], ...]:
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode  # imports SymPy

    return GuardOnDataDependentSymNode, DataDependentOutputException, DynamicOutputShapeException


def _trace_without_side_effects(function: Callable[..., Any], inputs: Sequence[object]) -> fx.GraphModule:

    def with_lines(*arguments: object) -> Any:
        with PluginLines():
            return function(*arguments)

    # Attention as matrix products: small ones are faster than a call of the fused operation.
    with sdpa_kernel(SDPBackend.MATH):
        graph = _trace(with_lines)(*inputs)
    # Not at once: torch cannot make an autograd.Function functional, whose operations the graph contains.
    for _ in range(MAXIMUM_PASSES):
        if not _has_side_effects(graph.graph):
            break
        with fx_traceback.preserve_node_meta():
            graph = _trace(torch.func.functionalize(fx.Interpreter(graph).run, remove="mutations"))(*inputs)
    return graph


def _has_side_effects(graph: fx.Graph) -> bool:
    return any(
        isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable
        for node in graph.nodes
    )


def _trace(function: Callable[..., Any]) -> Callable[..., fx.GraphModule]:
    # Fake tensors have no values, so a function that reads one raises; with real tensors its result would become a
    # constant of the graph. Tensors in the function's closure have values and do become constants.
    return make_fx(
        function,
        decomposition_table=_decompositions(),
        tracing_mode="fake",
        _allow_non_fake_inputs=True,
    )


@functools.cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    extra = get_decompositions(
        [aten.gelu, aten.gelu_backward, aten.native_layer_norm, aten._softmax, aten._softmax_backward_data,
         aten._log_softmax, aten._log_softmax_backward_data, aten.addmm, aten.baddbmm]
    )  # fmt: skip
    # Copied by its items: torch fills the table lazily, and `|` would find it empty.
    table = {**dict(core_aten_decompositions().items()), **extra}
    # Its decomposition does not compute the logarithms that its derivative reads.
    del table[aten._scaled_dot_product_flash_attention_for_cpu.default]
    return table
