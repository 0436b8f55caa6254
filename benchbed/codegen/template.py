"""Put a program together: the C++ that all have, that of its kind, and what was written for it."""

from collections.abc import Iterable
from importlib.resources import files
from string import Template
from typing import NamedTuple

import torch

VECTORS = "vectors.cpp"


class Source(NamedTuple):
    """A program's text, and which of a step's inputs it reads and changes."""

    text: str
    reads: list[int]
    """Positions among the inputs."""
    changes: list[int]
    """Positions among the lane's tensors; the others stay as they are."""
    operations: int
    """On vectors, in a step; roughly."""


def program(kind: str, width: int, changed: Iterable[torch.dtype], **parts: object) -> str:
    """Fill the parts into the file of a `kind` of program; `changed` are the types of what a step changes."""
    # The truth of a comparison is as wide as what a step mostly compares.
    mask = "i64" if torch.float64 in changed else "i32"
    home = files("benchbed.codegen")
    text = "".join(home.joinpath(*name.split("/")).read_text("utf-8") for name in (VECTORS, kind))
    return Template(text).substitute(parts, width=width, mask=mask)


def block(indent: int, lines: Iterable[str]) -> str:
    """Write lines one below the other."""
    return "\n".join(" " * indent + line for line in lines)
