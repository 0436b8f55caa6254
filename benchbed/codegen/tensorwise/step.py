"""Write a step of one lane, tensor by tensor: what is done number by number shares its loops, all else has its own."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from benchbed.codegen.emitter import Writer
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import Array, c_type, literal
from benchbed.codegen.fx_nodes import arguments_of, call_of, name_of
from benchbed.codegen.tensorwise.allocation import Memory, Workspace
from benchbed.codegen.tensorwise.loops import Operand, loop, same
from benchbed.codegen.tensorwise.passes import BY_NUMBER

CHEAP = frozenset({"add", "sub", "rsub", "mul", "neg"})
"""What is sooner done again than stored and loaded."""
MOST_REPEATED = 4
"""Operations that a number may take to make again."""
MOST_NUMBERS = 4_000
"""Of a constant tensor."""


class Step:
    """The statements of a step, and where its tensors lie."""

    def __init__(self) -> None:
        self.space = Workspace()
        self.lines: list[str] = []
        self.tables: list[str] = []
        """Constants, declared once."""
        self.operations = 0
        """Of numbers, roughly."""
        self.known: dict[fx.Node, Any] = {}
        """What has been written: `Memory`, `Constant`, or a list of them."""
        self._group: list[fx.Node] = []
        self._repeated: dict[fx.Node, list[fx.Node]] = {}
        """What is not stored, and all that makes it of what is, itself included."""

    def add(self, node: fx.Node) -> None:
        """Add what is done number by number to what shares its loops, which are written once another shape comes."""
        shape = _long(node)
        waiting = [one for one in node.all_input_nodes if one in self._group]
        if self._group and any(_long(one) != shape for one in (*waiting, self._group[-1])):
            self.flush()
        self._group.append(node)

    def flush(self) -> None:
        """Write the loops of all that waits."""
        nodes, self._group = self._group, []
        if not nodes:
            return
        stored = self._stored(nodes)
        nodes = self._with_repeated(nodes)
        inside = set(nodes)
        users = {one: node for node in reversed(nodes) for one in node.all_input_nodes if one not in inside}
        operands = [self.operand(leaf) for leaf in users]
        reads = [
            _over(value, _shape(user)) if isinstance(value, Memory) else value
            for value, user in zip(operands, users.values(), strict=True)
        ]
        made = [self.make(node) for node in stored]

        def compute(writer: Writer, numbers: Sequence[Array]) -> list[Array]:
            local: dict[fx.Node, Array] = dict(zip(users, numbers, strict=True))
            for node in nodes:
                arguments, options = arguments_of(node, local)
                operation = BY_NUMBER[name_of(node)]
                local[node] = operation(writer, call_of(node)._replace(shape=()), *arguments, **options)
            return [local[node] for node in stored]

        writes = [_over(memory, memory.view.shape) for memory in made]
        self.emit(loop(_long(nodes[0]), reads, writes, compute), [*operands, *made])
        self.operations += len(nodes) * max(1, _value(nodes[0]).numel())
        self.known.update(zip(stored, made, strict=True))

    def _stored(self, nodes: Sequence[fx.Node]) -> list[fx.Node]:
        """Say what of a group later ones need, but for what they make again."""
        inside = set(nodes)
        stored: dict[fx.Node, None] = {}  # an ordered set
        for node in nodes:
            later = [user for user in node.users if user not in inside]
            making = self._making(node, stored)
            if making and all(name_of(one) in BY_NUMBER and _long(one) == _long(node) for one in later):
                self._repeated[node] = making
            elif later:
                stored[node] = None
        return list(stored)

    def _making(self, node: fx.Node, stored: Collection[fx.Node]) -> list[fx.Node]:
        """Give the few operations that make a number again of what is at hand, if there are few."""
        if name_of(node) not in CHEAP:
            return []
        needed = [one for one in node.all_input_nodes if one not in self.known and one not in stored]
        if any(one not in self._repeated for one in needed):
            return []
        making = list(dict.fromkeys([*(each for one in needed for each in self._repeated[one]), node]))
        return making if len(making) <= MOST_REPEATED else []

    def _with_repeated(self, nodes: Sequence[fx.Node]) -> list[fx.Node]:
        """Put before a group what it needs of earlier ones and makes again."""
        inside = set(nodes)
        needed = [one for node in nodes for one in node.all_input_nodes if one not in inside]
        again = [each for one in needed for each in self._repeated.get(one, ())]
        return list(dict.fromkeys([*again, *nodes]))

    def operand(self, node: fx.Node) -> Operand:
        """Give what has become of a node, written if it waits."""
        if node in self._group:
            self.flush()
        value: Operand = self.known[node]
        return value

    def memory(self, node: fx.Node) -> Memory:
        """Give where a node's numbers lie; a constant is written out."""
        value = self.operand(node)
        return value if isinstance(value, Memory) else self.copied(value, _value(node))

    def copied(self, value: Operand, like: Tensor) -> Memory:
        """Copy a value, number after number."""
        made = self.space.make(like.dtype, like.shape)
        self.emit(loop(tuple(like.shape), [value], [made], same), [value, made])
        return made

    def table(self, tensor: Tensor) -> Memory:
        """Write a constant tensor; raise UnsupportedOperationError if it is too large."""
        if tensor.numel() > MOST_NUMBERS:
            raise UnsupportedOperationError(f"a constant of more than {MOST_NUMBERS} numbers")
        name, kind = f"c{len(self.tables)}", c_type(tensor.dtype, wide=False)
        numbers = ", ".join(literal(value, tensor.dtype).text for value in tensor.flatten().tolist())
        self.tables.append(f"static const {kind} {name}[] = {{{numbers}}};")
        return Memory(name, torch.empty(tensor.shape, dtype=tensor.dtype, device="meta"))

    def make(self, node: fx.Node) -> Memory:
        """Make room for the outcome of a node."""
        return self.space.make(_value(node).dtype, _value(node).shape)

    def emit(self, lines: Sequence[str], touched: Iterable[Operand]) -> None:
        """Write lines that read or write what is `touched`."""
        self.lines += ["{", *lines, "}"]
        self.space.tick(one for one in touched if isinstance(one, Memory))


def _over(value: Memory, shape: torch.Size) -> Memory:
    """Let a tensor broadcast to `shape`, and leave out the dimensions of size 1."""
    view = value.view
    while view.dim() > len(shape):  # by dimensions of size 1 in front
        view = view.squeeze(0)
    wide = view.expand(shape)
    long = [(size, stride) for size, stride in zip(shape, wide.stride(), strict=True) if size > 1]
    sizes, strides = [size for size, _ in long], [stride for _, stride in long]
    return Memory(value.base, wide.as_strided(sizes, strides, wide.storage_offset()))


def _value(node: fx.Node) -> Tensor:
    value = node.meta["val"]
    if not isinstance(value, Tensor):
        raise UnsupportedOperationError(f"the operation {name_of(node)}")
    return value


def _shape(node: fx.Node) -> torch.Size:
    return _value(node).shape


def _long(node: fx.Node) -> tuple[int, ...]:
    return tuple(size for size in _shape(node) if size > 1)
