"""Offer the built-in reports: tables and figures of a study, each drawn from its results alone."""

from collections.abc import Callable
from typing import Any

from benchbed.hookspecs import hookimpl
from benchbed.reports.report import LazyReport, Report

REPORTS: tuple[Report, ...] = (
    LazyReport("wins", "benchbed.reports.wins"),
    LazyReport("loss", "benchbed.reports.loss"),
    LazyReport("paths", "benchbed.reports.paths"),
    LazyReport("ecdf", "benchbed.reports.ecdf"),
    LazyReport("learning-rate", "benchbed.reports.learning_rate"),
    LazyReport("best-of-k", "benchbed.reports.best_of_k"),
    LazyReport("heatmap", "benchbed.reports.heatmap"),
    LazyReport("critical-difference", "benchbed.reports.critical_difference"),
    LazyReport("tables", "benchbed.reports.tables"),
    LazyReport("findings", "benchbed.reports.findings"),
    LazyReport("profile", "benchbed.reports.profile", optional=True),
)
"""In the order in which they are begun: the longest first, so that no worker is left with one at the end."""


@hookimpl
def register_reports(register: Callable[..., Any]) -> None:
    """Enter the tables, the figures of a problem and those of the whole study."""
    for report in REPORTS:
        register(report, name=report.name)
