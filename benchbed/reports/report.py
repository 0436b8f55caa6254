"""State what a report is, and load the built-in ones only when they draw."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from benchbed.interfaces.results import Results


class Report(Protocol):
    """Make files from the results of a study; pure, so that pieces may be drawn in any process.

    One with an attribute `optional` that is true is made only when it is asked for by name.
    """

    @property
    def name(self) -> str:
        """The word that selects the report."""

    def pieces(self, results: Results) -> list[str]:
        """Name the parts that can be drawn independently; none where the report does not apply."""

    def draw(self, results: Results, piece: str) -> dict[str, bytes]:
        """Give the contents of the files of one piece, by name relative to the study folder."""


@dataclass(frozen=True)
class LazyReport:
    """Stand for the functions `pieces` and `draw` of `module`, imported at the first use.

    The drawing modules need matplotlib and pandas, which together take longer to import than most
    commands to run; a frozen pair of names also travels to a worker process as it is.
    """

    name: str
    module: str
    optional: bool = False

    def pieces(self, results: Results) -> list[str]:
        """Name the parts that can be drawn independently."""
        return list(self._load().pieces(results))

    def draw(self, results: Results, piece: str) -> dict[str, bytes]:
        """Give the contents of the files of one piece, by name relative to the study folder."""
        return dict(self._load().draw(results, piece))

    def _load(self) -> Any:
        return import_module(self.module)
