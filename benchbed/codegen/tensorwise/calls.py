"""Calls of torch's own operations from a compiled step, for those that the generator does not write.

They use the stable C interface `torch/csrc/inductor/aoti_torch/c/shim.h`, in which each argument has 64 bits. The same
function computes an operation here and in an eager step.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import literal
from benchbed.codegen.fx_nodes import operation_name
from benchbed.codegen.tensorwise.allocation import StridedMemory
from benchbed.codegen.tensorwise.fusion import FusionEmitter

LIBRARIES = Path(torch.__file__).parent / "lib"
LINKER_FLAGS = (f"-L{LIBRARIES}", f"-Wl,-rpath,{LIBRARIES}", "-ltorch_cpu")
"""torch has loaded this library already, and the loader takes that one."""
DTYPE_NUMBERS = {
    torch.uint8: 0,
    torch.int32: 3,
    torch.int64: 4,
    torch.float32: 6,
    torch.float64: 7,
    torch.bool: 11,
}
"""The numbers of types in torch's C interface."""
NUMBER_TYPES = {
    "IntType": torch.int64,
    "SymIntType": torch.int64,
    "FloatType": torch.float64,
    "BoolType": torch.bool,
}
PLACEMENTS = frozenset({"DeviceObjType", "LayoutType", "MemoryFormatType"})
CALL_OPERATIONS = 20_000
"""Operations on numbers that take as long as a call of a small operation."""
FAILED = "{ std::free(memory); return 2; }"


def call_operation(emitter: FusionEmitter, node: fx.Node) -> Any:
    """Emit the call of a node's operation; return its results in memory.

    Raises UnsupportedOperationError for an operation that draws random numbers, is not torch's own, or has an argument
    or result of a type that the interface does not support.
    """
    operation: Any = node.target
    results = _results(node)
    # The interface has no type for a number that may be of several types.
    if operation._overloadname == "Scalar":
        operation = getattr(operation.overloadpacket, "Tensor", operation)
    name, overload = operation._schema.name, operation._schema.overload_name
    operands: list[StridedMemory] = []
    arguments = [
        _argument(emitter, argument.real_type, value, operands)
        for argument, value in _bound_arguments(operation, node)
    ]
    stack = ", ".join([*arguments, *["0"] * (len(results) - len(arguments))])
    memories = [
        None if result is None else emitter.workspace.allocate(result.dtype, result.shape)
        for result in results
    ]
    stored = {position: memory for position, memory in enumerate(memories) if memory is not None}
    lines = [
        f"uint64_t stack[] = {{{stack}}};",
        f'if (aoti_torch_call_dispatcher("{name}", "{overload}", stack)) {FAILED}',
        *(
            f"if (store_result(stack[{position}], {_tensor_arguments(memory)})) {FAILED}"
            for position, memory in stored.items()
        ),
    ]
    emitter.emit_if_selected(node, lines, [*operands, *stored.values()])
    emitter.called_operations[name] = None
    emitter.operations += CALL_OPERATIONS + sum(
        memory.view.numel() for memory in (*operands, *stored.values())
    )
    return memories[0] if isinstance(node.meta.get("val"), Tensor) else memories


def _results(node: fx.Node) -> list[Tensor | None]:
    """Return the traced results; None for one that the operation does not compute."""
    operation: Any = node.target
    schema = getattr(operation, "_schema", None)
    if schema is None or not schema.name.startswith("aten::"):
        raise UnsupportedOperationError(f"the operation {operation_name(node)}, which is not torch's own")
    if torch.Tag.nondeterministic_seeded in operation.tags:
        raise UnsupportedOperationError(f"the operation {schema.name}, which draws random numbers")
    if schema.name.startswith("aten::as_strided"):  # tensors in memory have other strides than traced ones
        raise UnsupportedOperationError(f"the operation {schema.name}, which depends on strides")
    if schema.is_mutable or any(result.real_type.kind() != "TensorType" for result in schema.returns):
        raise UnsupportedOperationError(f"the operation {schema.name}")
    value = node.meta["val"] if schema.returns else ()
    results = list(value) if isinstance(value, (tuple, list)) else [value]
    for result in results:
        if result is not None and not all(isinstance(size, int) for size in result.shape):
            raise UnsupportedOperationError(f"the operation {schema.name}, whose shape depends on values")
        if result is not None and result.dtype not in DTYPE_NUMBERS:
            raise UnsupportedOperationError(f"the operation {schema.name} with a result of {result.dtype}")
    return results


def _bound_arguments(operation: Any, node: fx.Node) -> list[tuple[Any, Any]]:
    """Pair each argument of an operation's schema with its value at a node."""
    arguments = operation._schema.arguments
    given = dict(zip((argument.name for argument in arguments), node.args, strict=False)) | node.kwargs
    return [(argument, given.get(argument.name, argument.default_value)) for argument in arguments]


def _argument(emitter: FusionEmitter, kind: Any, value: Any, operands: list[StridedMemory]) -> str:
    """Return the C++ expression of an argument whose type in the schema is `kind`; add its tensors to `operands`."""
    match kind.kind():
        case "TensorType" if isinstance(value, fx.Node):
            operands.append(emitter.materialize(value))
            text = f"tensor({_tensor_arguments(operands[-1])})"
        case "TensorType" if isinstance(value, (bool, int, float)):
            # Without dimensions it does not change the type to which torch promotes the other operands.
            text = f"tensor({_tensor_arguments(emitter.constant(torch.tensor(value)))})"
        case "OptionalType":
            inner = kind.getElementType()
            is_none = value is None or inner.kind() in PLACEMENTS
            text = "0" if is_none else f"option({_argument(emitter, inner, value, operands)})"
        case "ListType":
            # torch takes one number in place of a list
            items = value if isinstance(value, (tuple, list)) else [value]
            texts = (_argument(emitter, kind.getElementType(), item, operands) for item in items)
            text = f"list({{{', '.join(texts)}}})"
        case "StringType" if isinstance(value, str) and value.isprintable() and value.isascii():
            text = f"text({json.dumps(value)})"
        case "ScalarTypeType" if value in DTYPE_NUMBERS:
            text = f"argument(int32_t({DTYPE_NUMBERS[value]}))"
        case name if name in NUMBER_TYPES and isinstance(value, (bool, int, float)):
            dtype = NUMBER_TYPES[name]
            number = value if dtype.is_floating_point or dtype == torch.bool else int(value)
            text = f"argument({literal(number, dtype).text})"
        case _:
            raise UnsupportedOperationError(f"an argument {value} of type {kind.annotation_str}")
    return text


def _tensor_arguments(memory: StridedMemory) -> str:
    sizes, strides = (", ".join(map(str, numbers)) for numbers in (memory.view.shape, memory.view.stride()))
    return f"{memory.address()}, {DTYPE_NUMBERS[memory.view.dtype]}, {{{sizes}}}, {{{strides}}}"
