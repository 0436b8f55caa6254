"""Tables of lowerings: functions that emit the C++ of a torch operation."""

from collections.abc import Callable
from typing import Any, TypeVar

LoweringT = TypeVar("LoweringT", bound=Callable[..., Any])


class OperationTable(dict[str, Callable[..., Any]]):
    """Lowerings by the name of a core ATen operation without its overload, such as "add"."""

    def register(self, *names: str) -> Callable[[LoweringT], LoweringT]:
        """Register the decorated function as the lowering of the operations `names`."""

        def store(lowering: LoweringT) -> LoweringT:
            for name in names:
                self[name] = lowering
            return lowering

        return store
