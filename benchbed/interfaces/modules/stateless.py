"""A module whose parameters and buffers are arguments of every call."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


class StatelessModule:
    """A module as a function of its tensors, for small networks: `torch.func.functional_call` takes longer than they.

    It searches the module by name in every call; here the places of all tensors are found once.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._places = list(_places(module))

    def __call__(self, tensors: dict[str, Tensor], *inputs: Any) -> Any:
        """Run the module with `tensors` by name; those that it replaces, such as buffers, are replaced in there.

        The module keeps its own tensors for names that are not given.
        """
        before = [place[name] for place, name, _ in self._places]
        try:
            for (place, name, full_name), tensor in zip(self._places, before, strict=True):
                place[name] = tensors.get(full_name, tensor)
            outputs = self._module(*inputs)
            for place, name, full_name in self._places:
                tensors[full_name] = place[name]
            return outputs
        finally:
            for (place, name, _), tensor in zip(self._places, before, strict=True):
                place[name] = tensor


def _places(module: nn.Module) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield the dictionary that holds each tensor or None, its name there, and its full name, which tied ones share."""
    full_names: dict[int, str] = {}
    for prefix, submodule in module.named_modules():
        for place in (submodule._parameters, submodule._buffers):
            for name, tensor in place.items():
                full_name = f"{prefix}.{name}".removeprefix(".")
                if tensor is not None:
                    full_name = full_names.setdefault(id(tensor), full_name)
                yield place, name, full_name
