"""The interface of reports: tables and plots made from the results of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from benchbed.interfaces.results import Results


class Report(Protocol):
    """A kind of table or plot; its functions are pure, so pieces can be drawn in any process.

    A report with an attribute `optional = True` is drawn only by `benchbed report DIR --only NAME`.
    """

    @property
    def name(self) -> str:
        """Name for `--only`."""

    def pieces(self, results: Results) -> list[str]:
        """Return the names of the parts that can be drawn independently; none if the report does not apply."""

    def draw(self, results: Results, piece: str) -> dict[str, bytes]:
        """Return the contents of the files of one piece, by file name relative to the study folder."""
