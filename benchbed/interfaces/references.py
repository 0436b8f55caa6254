"""Reference values: the lowest known objectives of problems that do not compute their optimum.

`benchbed reference value` stores them beside the file of the problem's class.
"""

import dataclasses
import hashlib
import inspect
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # as in the engine

from benchbed.errors import UnknownOptimumError
from benchbed.seeds import digest

SUFFIX = ".references.json"
"""Ending of the files, in place of `.py`."""
PLAIN_TYPES = (bool, bytes, complex, float, int, np.generic, str, torch.dtype, type(None))
"""Types of values in data that their representation describes completely."""


class ReferenceKind(StrEnum):
    """Evidence for a reference value."""

    CERTIFIED = "certified"
    """The problem is convex, and the gradient at the point is so small that no target depends on the rest."""
    BEST_KNOWN = "best known"
    """The lowest objective of several solves; lower ones may exist."""


class Reference(msgspec.Struct, frozen=True):
    """A reference value."""

    problem: str
    """Name of the class."""
    parameters: dict[str, str]
    digest: str
    """Of the parameters, the data and the code of the class."""
    value: float
    gradient_norm: float
    error_bound: float
    """Gradient norm × distance from the farthest start; if the problem is convex, the error is about as large."""
    kind: ReferenceKind


def references_path(problem: Any) -> Path | None:
    """Return the file of the reference values of a problem's class; None if no file defines the class."""
    try:
        return Path(inspect.getfile(type(problem))).with_suffix(SUFFIX)
    except (TypeError, OSError):  # a class of a notebook
        return None


def read_references(path: Path) -> list[Reference]:
    """Return the stored reference values, none without a file.

    Raises: UnknownOptimumError if the file is damaged.
    """
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Reference])
    except (msgspec.MsgspecError, OSError) as error:
        raise UnknownOptimumError(
            f"the reference values in {path.name!r} cannot be read ({error}); remove the file and run "
            "`benchbed reference value`"
        ) from error


def find_reference(problem: Any, data: Any) -> Reference | None:
    """Return the reference value of a problem on data that all instances share, or None if there is none.

    Raises: UnknownOptimumError if it belongs to other code or data, or the file is damaged.
    """
    path = references_path(problem)
    if path is None:
        return None
    name, parameters = type(problem).__qualname__, parameters_of(problem)
    for reference in read_references(path):
        if (reference.problem, reference.parameters) != (name, parameters):
            continue
        if reference.digest == reference_digest(problem, data):
            return reference
        raise UnknownOptimumError(
            f"the reference value of {name} in {path.name!r} belongs to other code or data; compute it again by "
            "`benchbed reference value`"
        )
    return None


def parameters_of(problem: Any) -> dict[str, str]:
    """Return the parameters of a problem as text; a problem that is not registered may be another class."""
    if not dataclasses.is_dataclass(problem):
        return {}
    return {field.name: repr(getattr(problem, field.name)) for field in dataclasses.fields(problem)}


def reference_digest(problem: Any, data: Any) -> str:
    """Return a digest of the problem's class with its base classes, its parameters, and its data.

    Raises: UnknownOptimumError if the data contain objects of other types than tensors, arrays and plain values.
    """
    files = dict.fromkeys(
        inspect.getfile(base)
        for base in type(problem).__mro__
        if base.__module__.partition(".")[0] not in {"abc", "benchbed", "builtins"}
    )
    code = [hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files]
    name = type(problem).__qualname__
    leaves = [_leaf_digest(leaf, name) for leaf in pytree.tree_leaves(data)]
    return digest(name, parameters_of(problem), code, leaves)


def _leaf_digest(leaf: Any, problem: str) -> str:
    if isinstance(leaf, PLAIN_TYPES):
        return repr(leaf)
    if isinstance(leaf, Tensor):
        values = leaf.detach().cpu().contiguous().flatten().unsqueeze(-1).view(torch.uint8).numpy()
    elif isinstance(leaf, np.ndarray) and not leaf.dtype.hasobject:
        values = np.ascontiguousarray(leaf).view(np.uint8)
    else:
        raise UnknownOptimumError(
            f"the data of {problem} contain a {type(leaf).__name__}, so that it cannot be checked whether a reference "
            "value belongs to them; return tensors, arrays and numbers"
        )
    return f"{leaf.dtype} {tuple(leaf.shape)} {hashlib.sha256(values.data).hexdigest()}"
