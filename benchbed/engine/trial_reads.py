"""Detection of Python code that reads numbers of a batch of trials, and so decides for all of them at once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchbed.codegen.plugin_lines import code_lines, innermost_plugin_line, is_framework_file
from benchbed.engine.pytrees import Tree, leaves
from benchbed.engine.trial_comparison import ADVICE
from benchbed.errors import ContractError

READS = {
    *("__bool__", "__float__", "__int__", "__index__", "__complex__", "__contains__"),
    *("item", "tolist", "is_nonzero", "equal", "allclose"),
}
"""Functions of torch that return numbers to Python; arrays of NumPy may still be computed trial by trial."""
PASSED_ON = "/torch/overrides.py", "/torch/_tensor.py"
"""Files of torch through which a call of a user passes."""


class TrialTensors(TorchDispatchMode):
    """The tensors of trials, and all that are computed from them in this context; `zeros_like` copies no numbers."""

    def __init__(self, trials: Tree) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as torch's modes are
        self._storages: set[StorageWeakRef] = set()
        self.add(trials)

    def add(self, tree: Tree) -> None:
        """Add tensors, with their views."""
        self._storages.update(StorageWeakRef(tensor.untyped_storage()) for tensor in _strided(tree))

    def __contains__(self, tensor: Tensor) -> bool:
        """Return whether a tensor depends on the trials; False for one trial under vmap, which forbids to read it."""
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            if torch._C._functorch.is_batchedtensor(tensor):
                return False
            tensor = torch._C._functorch.get_unwrapped(tensor)
        return any(StorageWeakRef(leaf.untyped_storage()) in self._storages for leaf in _strided(tensor))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::")
        copies_no_numbers = name.startswith("new_") or name.endswith("_like")
        if not copies_no_numbers and any(tensor in self for tensor in _strided((args, kwargs))):
            declared = zip(func._schema.arguments, args, strict=False)
            aliases = [(argument.alias_info, value) for argument, value in declared]
            self.add([results, *(value for alias, value in aliases if alias is not None and alias.is_write)])
        return results


class _Reads(TorchFunctionMode):
    def __init__(self, label: str, tensors: TrialTensors) -> None:
        super().__init__()
        self._label, self._tensors = label, tensors

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in READS:
            lines = list(code_lines(sys._getframe(1)))
            while lines[0][0].endswith(PASSED_ON):
                del lines[0]
            # Functions of torch check their arguments so.
            if not is_framework_file(lines[0][0]) and any(tensor in self._tensors for tensor in leaves(args)):
                line = innermost_plugin_line(lines) or "{}:{}".format(*lines[0])
                raise ContractError(
                    f"{self._label} mixes trials: Python code reads a number that depends on all trials of a batch "
                    f"({line}); {ADVICE}"
                )
        return func(*args, **(kwargs or {}))


@contextmanager
def unread(label: str, trials: Tree) -> Iterator[TrialTensors]:
    """Check that Python code, but for that of torch and benchbed, reads no number computed from tensors of trials.

    Raises: ContractError where it does, in the name of `label`.
    """
    with TrialTensors(trials) as tensors, _Reads(label, tensors):
        yield tensors


def _strided(tree: Tree) -> list[Tensor]:
    """Return the tensors that have a storage."""
    return [leaf for leaf in leaves(tree) if leaf.layout == torch.strided]
