"""Built-in reports: tables and plots of a study, each made from its results alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchbed.hookspecs import hookimpl

if TYPE_CHECKING:
    from benchbed.hookspecs import Register
    from benchbed.interfaces.results import Report, Results


@dataclass(frozen=True)
class LazyReport:
    """A report whose functions `pieces` and `draw` are in `module`, which is imported at the first use.

    Registering reports must not import matplotlib and pandas, and a pair of names can be sent to a worker process.
    """

    name: str
    module: str
    optional: bool = False

    def pieces(self, results: Results) -> list[str]:
        """Return the names of the parts that can be drawn independently."""
        return list(self._load().pieces(results))

    def draw(self, results: Results, piece: str) -> dict[str, bytes]:
        """Return the contents of the files of one piece, by file name relative to the study folder."""
        return dict(self._load().draw(results, piece))

    def _load(self) -> Any:
        return import_module(self.module)


REPORTS = (
    LazyReport("page", "benchbed.reports.page"),
    LazyReport("wins", "benchbed.reports.wins"),
    LazyReport("loss", "benchbed.reports.loss"),
    LazyReport("paths", "benchbed.reports.paths"),
    LazyReport("metrics", "benchbed.reports.metric_curves"),
    LazyReport("ecdf", "benchbed.reports.ecdf"),
    LazyReport("learning-rate", "benchbed.reports.learning_rate"),
    LazyReport("best-of-k", "benchbed.reports.best_of_k"),
    LazyReport("problem-sweep", "benchbed.reports.problem_sweep"),
    LazyReport("heatmap", "benchbed.reports.heatmap"),
    LazyReport("tables", "benchbed.reports.tables"),
    LazyReport("findings", "benchbed.reports.findings"),
    LazyReport("profile", "benchbed.reports.profile", optional=True),
    LazyReport("critical-difference", "benchbed.reports.critical_difference", optional=True),
)
"""In the order in which they start: the longest first, so that all workers finish at about the same time."""


@hookimpl
def register_reports(register: Register[Report]) -> None:
    """Register the tables and plots of problems and of the whole study."""
    for report in REPORTS:
        register(report, name=report.name)
