"""Loop fusion: adjacent elementwise operations of one shape share their loops."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.emitter import Emitter
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, Expression, c_type, literal, scalar_array
from benchbed.codegen.fx_nodes import operation_call, operation_name, substituted_arguments
from benchbed.codegen.tensorwise.allocation import StridedMemory, UniformValue, Workspace
from benchbed.codegen.tensorwise.loops import TensorOperand, copy_loops, element_loops
from benchbed.codegen.tensorwise.passes import ELEMENTWISE

CHEAP_OPERATIONS = frozenset({"add", "sub", "rsub", "mul", "neg"})
"""Operations that take less time than a store and a load."""
MAX_REMATERIALIZED = 4
"""Operations that may be repeated in place of a store and a load."""
MAX_CONSTANT_NUMBERS = 4_000


class FusionEmitter:
    """The statements of a tensorwise step, and the location of each value."""

    def __init__(self, width: int, conditions: Mapping[fx.Node, frozenset[fx.Node]] | None = None) -> None:
        """`conditions` are those of `selecting_conditions`, by node."""
        self._conditions = conditions or {}
        self.width = width
        """Numbers in a vector."""
        self.workspace = Workspace()
        self.lines: list[str] = []
        self.constants: list[str] = []
        """Declarations of constant arrays."""
        self.operations = 0
        """Estimated operations on numbers."""
        self.called_operations: dict[str, None] = {}
        """Names of the operations of torch that statements call, in order."""
        self.values: dict[fx.Node, Any] = {}
        """Computed values: `StridedMemory`, `UniformValue`, or a list of them."""
        self._pending: list[fx.Node] = []
        """Elementwise nodes of one shape that will share the next loops."""
        self._can_fuse: dict[fx.Node, bool] = {}
        self._rematerialized: dict[fx.Node, list[fx.Node]] = {}
        """Nodes that are not stored, with the operations that recompute each from stored values, itself included."""

    def can_fuse(self, node: fx.Node) -> bool:
        """Return whether an operation is elementwise, and loops support its types and arguments."""
        if node not in self._can_fuse:
            self._can_fuse[node] = operation_name(node) in ELEMENTWISE and _has_lowering(node)
        return self._can_fuse[node]

    def fuse(self, node: fx.Node) -> None:
        """Add an elementwise node to the pending loops; emit these first if they have another shape."""
        shape = _loop_shape(node)
        producers = [producer for producer in node.all_input_nodes if producer in self._pending]
        if self._pending and any(_loop_shape(each) != shape for each in (*producers, self._pending[-1])):
            self.flush()
        self._pending.append(node)

    def flush(self) -> None:
        """Emit the loops of the pending nodes."""
        if not self._pending:
            return
        fused, self._pending = self._pending, []
        stored = self._select_stored(fused)
        inside = set(fused)
        external = [each for node in fused for each in node.all_input_nodes if each not in inside]
        repeated = [each for node in external for each in self._rematerialized.get(node, ())]
        nodes = list(dict.fromkeys([*repeated, *fused]))
        inside = set(nodes)
        first_users = {
            each: node for node in reversed(nodes) for each in node.all_input_nodes if each not in inside
        }
        operands = [self.operand(node) for node in first_users]
        reads = [
            _expanded(operand, tensor_value(user).shape) if isinstance(operand, StridedMemory) else operand
            for operand, user in zip(operands, first_users.values(), strict=True)
        ]
        results = [self.allocate(node) for node in stored]

        def compute(emitter: Emitter, elements: Sequence[Array]) -> list[Array]:
            values: dict[fx.Node, Array] = dict(zip(first_users, elements, strict=True))
            for node in nodes:
                arguments, options = substituted_arguments(node, values)
                call = operation_call(node)._replace(shape=())
                values[node] = ELEMENTWISE[call.name](emitter, call, *arguments, **options)
            return [values[node] for node in stored]

        writes = [_expanded(result, result.view.shape) for result in results]
        self.emit(
            element_loops(self.width, _loop_shape(nodes[0]), reads, writes, compute), [*operands, *results]
        )
        self.operations += len(nodes) * max(1, tensor_value(nodes[0]).numel())
        self.values.update(zip(stored, results, strict=True))

    def _select_stored(self, fused: Sequence[fx.Node]) -> list[fx.Node]:
        """Return the fused nodes that later nodes need in memory, and note those that these recompute instead."""
        inside = set(fused)
        stored: dict[fx.Node, None] = {}  # an ordered set
        for node in fused:
            later_users = [user for user in node.users if user not in inside]
            recomputation = self._recomputation(node, stored)
            if recomputation and all(
                self.can_fuse(user) and _loop_shape(user) == _loop_shape(node) for user in later_users
            ):
                self._rematerialized[node] = recomputation
            elif later_users:
                stored[node] = None
        return list(stored)

    def _recomputation(self, node: fx.Node, stored: Collection[fx.Node]) -> list[fx.Node]:
        """Return the operations that recompute a node from stored values; none unless they are few and cheap."""
        if operation_name(node) not in CHEAP_OPERATIONS:
            return []
        missing = [each for each in node.all_input_nodes if each not in self.values and each not in stored]
        if any(each not in self._rematerialized for each in missing):
            return []
        before = [operation for each in missing for operation in self._rematerialized[each]]
        operations = list(dict.fromkeys([*before, node]))
        return operations if len(operations) <= MAX_REMATERIALIZED else []

    def operand(self, node: fx.Node) -> TensorOperand:
        """Return the value of a node; emit it first if it is pending."""
        if node in self._pending:
            self.flush()
        value: TensorOperand = self.values[node]
        return value

    def materialize(self, node: fx.Node) -> StridedMemory:
        """Return the value of a node in memory; store it first if it is uniform."""
        value = self.operand(node)
        return self.copy(value, tensor_value(node)) if isinstance(value, UniformValue) else value

    def copy(self, value: TensorOperand, like: Tensor) -> StridedMemory:
        """Copy a value to a new contiguous buffer with the shape and type of `like`."""
        target = self.workspace.allocate(like.dtype, like.shape)
        self.emit(copy_loops(self.width, target, value), [value, target])
        return target

    def constant(self, tensor: Tensor) -> StridedMemory:
        """Declare a constant array; raise UnsupportedOperationError above `MAX_CONSTANT_NUMBERS`."""
        if tensor.numel() > MAX_CONSTANT_NUMBERS:
            raise UnsupportedOperationError(f"a constant of more than {MAX_CONSTANT_NUMBERS} numbers")
        name, type_name = f"c{len(self.constants)}", c_type(tensor.dtype, is_vector=False)
        numbers = ", ".join(literal(value, tensor.dtype).text for value in tensor.flatten().tolist())
        self.constants.append(f"static const {type_name} {name}[] = {{{numbers}}};")
        return StridedMemory(name, torch.empty(tensor.shape, dtype=tensor.dtype, device="meta"))

    def allocate(self, node: fx.Node) -> StridedMemory:
        """Allocate a buffer for the result of a node."""
        return self.workspace.allocate(tensor_value(node).dtype, tensor_value(node).shape)

    def emit(self, lines: Sequence[str], operands: Iterable[TensorOperand]) -> None:
        """Emit a block of statements that uses these operands."""
        self.lines += ["{", *lines, "}"]
        self.workspace.advance(operand for operand in operands if isinstance(operand, StridedMemory))

    def emit_if_selected(
        self, node: fx.Node, lines: Sequence[str], operands: Iterable[StridedMemory]
    ) -> None:
        """Emit the statements of a node's value, which run only if the results of the step depend on it."""
        computed = [
            condition
            for condition in self._conditions.get(node, ())
            if condition in self.values or condition in self._pending
        ]
        values = map(self.operand, computed)
        stored = {value.address(): value for value in values if isinstance(value, StridedMemory)}
        if stored:  # in the order of addresses, because that of a set differs between runs
            test = " && ".join(f"*({address})" for address in sorted(stored))
            lines = [f"if ({test}) {{", *lines, "}"]
        self.emit(lines, [*operands, *stored.values()])


def _has_lowering(node: fx.Node) -> bool:
    """Return whether the lowering of an elementwise operation supports the types and arguments of a node."""
    try:
        elements = {
            operand: scalar_array(Expression("x", tensor_value(operand).dtype, is_vector=True))
            for operand in node.all_input_nodes
        }
        for operand in (node, *elements):
            c_type(tensor_value(operand).dtype, is_vector=True)
        arguments, options = substituted_arguments(node, elements)
        call = operation_call(node)._replace(shape=())
        ELEMENTWISE[call.name](Emitter(), call, *arguments, **options)
    except UnsupportedOperationError:
        return False
    return True


def tensor_value(node: fx.Node) -> Tensor:
    """Return the traced value of a node; raise UnsupportedOperationError unless it is a tensor."""
    value = node.meta["val"]
    if not isinstance(value, Tensor):
        raise UnsupportedOperationError(f"the operation {operation_name(node)}")
    return value


def _expanded(memory: StridedMemory, shape: torch.Size) -> StridedMemory:
    """Broadcast a tensor to `shape`, without the dimensions of size 1."""
    view = memory.view
    while view.dim() > len(shape):  # leading dimensions of size 1, of which a pass removed the view
        view = view.squeeze(0)
    expanded = view.expand(shape)
    dimensions = [(size, stride) for size, stride in zip(shape, expanded.stride(), strict=True) if size > 1]
    sizes, strides = [size for size, _ in dimensions], [stride for _, stride in dimensions]
    return StridedMemory(memory.base, expanded.as_strided(sizes, strides, expanded.storage_offset()))


def _loop_shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(size for size in tensor_value(node).shape if size > 1)
