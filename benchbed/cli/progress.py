"""Show on stderr how far a study has come: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchbed.runner.scheduler import Progress

SECONDS_BETWEEN_LINES = 10.0


class Lines:
    """Write a plain line now and then."""

    def __init__(self) -> None:
        self._planned = self._finished = 0
        self._spoken = time.monotonic()

    def planned(self, trials: int) -> None:
        """Count trials that will run."""
        self._planned += trials

    def finished(self, trials: int, label: str) -> None:
        """Count trials that have ended, and say so if there was silence for a while."""
        self._finished += trials
        if time.monotonic() - self._spoken >= SECONDS_BETWEEN_LINES:
            self._spoken = time.monotonic()
            click.echo(f"{self._finished} of {self._planned} trials, last {label}", err=True)


class Bar:
    """Move a bar on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self.bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self._task = self.bar.add_task("", total=0)
        self._total = 0

    def planned(self, trials: int) -> None:
        """Lengthen the way."""
        self._total += trials
        self.bar.update(self._task, total=self._total)

    def finished(self, trials: int, label: str) -> None:
        """Move on."""
        self.bar.update(self._task, advance=trials, description=label)


@contextmanager
def make_progress() -> "Iterator[Progress]":
    """Give the progress that suits stderr, for the time of a study."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    bar = Bar()
    with bar.bar:
        yield bar
