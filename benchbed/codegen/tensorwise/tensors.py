"""Write what is done with tensors as a whole: views, products, reductions, and moving parts about."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.fx_nodes import ABOUT_MEMORY, name_of, operands_of
from benchbed.codegen.tensorwise.allocation import Constant, Memory
from benchbed.codegen.tensorwise.loops import loop, same
from benchbed.codegen.tensorwise.reductions import REDUCTIONS, norm_of, reduce_rows
from benchbed.codegen.tensorwise.step import Step

MOST_LANES = 64
"""Numbers that a product's rows are rounded up by at most: those of the widest register there may be."""

Write = Callable[[Step, fx.Node], Any]


def _view(step: Step, node: fx.Node) -> Any:
    value = step.operand(operands_of(node)[0])
    if isinstance(value, Constant):
        return value
    operation: Any = node.target
    arguments: Any = fx.node.map_arg(operands_of(node)[1:], _refused)
    options = {name: given for name, given in node.kwargs.items() if name not in ABOUT_MEMORY}
    try:
        view = operation(value.view, *arguments, **options)
    except RuntimeError:  # no strides describe it
        value = step.copied(value, value.view)
        view = operation(value.view, *arguments, **options)
    if isinstance(view, Tensor):
        return Memory(value.base, view)
    return [Memory(value.base, one) for one in view]


def _refused(node: fx.Node) -> Any:
    raise UnsupportedOperationError(f"a view that depends on {node}")


def _item(step: Step, node: fx.Node) -> Any:
    return step.known[operands_of(node)[0]][operands_of(node)[1]]


def _same(step: Step, node: fx.Node) -> Any:
    return step.operand(operands_of(node)[0])


def _filled(step: Step, node: fx.Node) -> Constant:
    value = operands_of(node)[0] if name_of(node) == "scalar_tensor" else operands_of(node)[1]
    if isinstance(value, fx.Node):
        raise UnsupportedOperationError("a tensor filled with what another holds")
    return Constant(float(value) if node.meta["val"].dtype.is_floating_point else value)


def _empty(step: Step, node: fx.Node) -> Constant:
    """Nobody may read what is there before it is written."""
    return Constant(0)


def _copied(step: Step, node: fx.Node) -> Memory:
    return step.copied(step.operand(operands_of(node)[1]), node.meta["val"])


def _counted(step: Step, node: fx.Node) -> Memory:
    bounds = operands_of(node)
    start, _, pace = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    value = node.meta["val"]
    return step.table(start + pace * torch.arange(value.numel()).to(value.dtype))


def _product(step: Step, node: fx.Node) -> Memory:
    left, right = (step.memory(one) for one in operands_of(node))
    made = step.make(node)
    *batch, rows, columns = made.view.shape
    inner = left.view.shape[-1]
    count = batch[0] if batch else 1
    scratch = step.space.make(made.view.dtype, ((inner + rows) * (columns + MOST_LANES),))
    places = [one.at(f"n * {one.view.stride(0) if batch else 0}") for one in (left, right, made)]
    strides = ", ".join(str(stride) for one in (left, right) for stride in one.view.stride()[-2:])
    call = f"product<{rows}, {columns}, {inner}>({places[0]}, {places[1]}, {strides}, {places[2]}, {scratch.base});"
    step.emit([f"for (int64_t n = 0; n < {count}; ++n) {call}"], [left, right, made, scratch])
    step.operations += count * rows * columns * inner
    return made


def _joined(step: Step, node: fx.Node) -> Memory:
    parts, dimension = operands_of(node)[0], operands_of(node)[1] if len(operands_of(node)) > 1 else 0
    made, at = step.make(node), 0
    for part in parts:
        size = part.meta["val"].shape[dimension]
        target = Memory(made.base, made.view.narrow(dimension, at, size))
        value = step.operand(part)
        step.emit(loop(tuple(target.view.shape), [value], [target], same), [value, made])
        at += size
    return made


def _scattered(step: Step, node: fx.Node) -> Memory:
    """Copy a tensor with a part of it from another."""
    whole, part, *place = operands_of(node)
    view: Any = torch.ops.aten.slice.Tensor if name_of(node) == "slice_scatter" else torch.ops.aten.select.int
    made = step.copied(step.operand(whole), node.meta["val"])
    target = Memory(made.base, view(made.view, *place))
    value = step.operand(part)
    step.emit(loop(tuple(target.view.shape), [value], [target], same), [value, made])
    return made


def _picked(step: Step, node: fx.Node) -> Memory:
    """Gather rows: `source[index]`, an index checked as torch does."""
    source, indices = step.memory(operands_of(node)[0]), operands_of(node)[1]
    if len(indices) != 1 or indices[0].meta["val"].dtype != torch.int64:
        raise UnsupportedOperationError("an index of several dimensions, or a mask")
    index = step.memory(indices[0])
    index = index if index.view.is_contiguous() else step.copied(index, index.view)
    made = step.make(node)
    (length, *rest), (stride, *strides) = source.view.shape, source.view.stride()
    row = Memory("row", torch.empty(rest, dtype=made.view.dtype, device="meta").as_strided(rest, strides))
    target = Memory("target", torch.empty(rest, dtype=made.view.dtype, device="meta"))
    whole = f"__builtin_memcpy(target, row, {target.view.numel()} * sizeof *target);"
    lines = [
        f"for (int64_t s = 0; s < {index.view.numel()}; ++s) {{",
        f"int64_t at = *({index.at('s')});",
        f"if (at < 0) at += {length};",
        f"if (at < 0 || at >= {length}) {{ std::free(memory); return 1; }}",
        f"const auto* const row = {source.at(f'at * {stride}')};",
        f"auto* const target = {made.at(f's * {target.view.numel()}')};",
        *([whole] if row.view.is_contiguous() else loop(tuple(rest), [row], [target], same)),
        "}",
    ]
    step.emit(lines, [source, index, made])
    return made


def _reduced(step: Step, node: fx.Node) -> Memory:
    given, rest = step.memory(operands_of(node)[0]), list(operands_of(node)[1:])
    norm = name_of(node) == "linalg_vector_norm"
    reduction = norm_of(rest.pop(0) if rest else 2) if norm else REDUCTIONS[name_of(node)]
    chosen = rest[0] if rest else None
    axes = [chosen] if isinstance(chosen, int) else chosen or range(given.view.dim())
    made = step.make(node)
    if name_of(node) in {"amax", "amin"} and not made.view.dtype.is_floating_point:
        raise UnsupportedOperationError("extremes of whole numbers")
    dimensions = [axis % max(1, given.view.dim()) for axis in axes]
    step.emit(reduce_rows(reduction, given, made, dimensions), [given, made])
    step.operations += given.view.numel()
    return made


OPERATIONS: Mapping[str, Write] = {
    **dict.fromkeys(
        ("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "expand", "unsqueeze", "squeeze", "select",
         "slice", "alias", "detach", "split_with_sizes", "split", "unbind", "diagonal"),
        _view,
    ),
    **dict.fromkeys(("full", "full_like", "scalar_tensor"), _filled),
    **dict.fromkeys(("clone", "lift_fresh_copy"), _same),
    **dict.fromkeys(("mm", "bmm"), _product),
    **dict.fromkeys((*REDUCTIONS, "linalg_vector_norm"), _reduced),
    **dict.fromkeys(("slice_scatter", "select_scatter"), _scattered),
    **dict.fromkeys(("empty", "empty_like", "empty_permuted", "new_empty"), _empty),
    "copy": _copied,
    "arange": _counted,
    "getitem": _item,
    "cat": _joined,
    "index": _picked,
}  # fmt: skip
