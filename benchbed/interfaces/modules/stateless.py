"""A module whose parameters and buffers are arguments of every call."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

_ABSENT = object()
"""Stands for an attribute that a module does not have at the beginning."""


class StatelessModule:
    """A module as a function of its tensors, for small networks: `torch.func.functional_call` takes longer than they.

    It searches the module by name in every call; here the places of all tensors are found once.
    """

    def __init__(self, module: nn.Module, computed: Iterable[tuple[str, str]] = ()) -> None:
        """`computed` are attributes, with the paths of their modules, that each pass computes itself.

        A constant such as a mask would have the dtype and device of the first pass.
        """
        self._module = module
        self._places = list(_places(module))
        attributes = [(vars(module.get_submodule(path)), name) for path, name in computed]
        self._computed = [(place, name, place.get(name, _ABSENT)) for place, name in attributes]

    def __call__(self, tensors: dict[str, Tensor], *inputs: Any) -> Any:
        """Run the module with `tensors` by name; those that it replaces, such as buffers, are replaced in there.

        The module keeps its own tensors for names that are not given.
        """
        before = [place[name] for place, name, _ in self._places]
        for owner, attribute, value in self._computed:
            owner.pop(attribute, None)
            if value is not _ABSENT:
                owner[attribute] = copy.copy(value)  # the pass may fill a list or dictionary
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
