"""How the steps of a batch are computed."""

from enum import StrEnum


class Engine(StrEnum):
    """Engine that computes steps; the value is the text of `--engine` and of stored rows."""

    AUTO = "auto"
    """Choose the faster one from the planned work; only requested, never the engine that ran."""
    EAGER = "eager"
    """torch operations, one after the other."""
    COMPILED = "compiled"
    """A compiled step."""
