"""Progress of a study: a bar on a terminal or in a notebook, a line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import click

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """The number of trials that will run; it is not shown."""

    def __init__(self) -> None:
        self.planned_trials = 0

    def planned(self, trials: int) -> None:
        """Add trials that will run."""
        self.planned_trials += trials

    def finished(self, trials: int, label: str) -> None:
        """Ignore the number."""


class ProgressLines(Progress):
    """Progress as plain lines."""

    def __init__(self) -> None:
        super().__init__()
        self._finished = 0
        self._last_line = time.monotonic()

    def finished(self, trials: int, label: str) -> None:
        """Add trials that have ended; print a line if the last one is some seconds ago."""
        self._finished += trials
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            click.echo(f"{self._finished} of {self.planned_trials} trials, last {label}", err=True)


class ProgressBar(Progress):
    """Progress as a bar on a terminal, or below the cell of a notebook."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self.display = progress.Progress(*columns, console=Console(file=sys.stderr), transient=True)
        self._task = self.display.add_task("", total=0)
        super().__init__()

    def planned(self, trials: int) -> None:
        """Add trials that will run."""
        super().planned(trials)
        self.display.update(self._task, total=self.planned_trials)

    def finished(self, trials: int, label: str) -> None:
        """Advance the bar by trials that have ended."""
        self.display.update(self._task, advance=trials, description=label)


@contextmanager
def show_progress(is_shown: bool = True) -> Iterator[Progress]:
    """Yield a bar if stderr is a terminal, or in a notebook with ipywidgets, otherwise plain lines on stderr."""
    if not is_shown:
        yield Progress()
        return
    if not (sys.stderr.isatty() or _is_notebook()):
        yield ProgressLines()
        return
    bar = ProgressBar()
    with bar.display:
        yield bar


def _is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook in which rich can update a bar."""
    if "ipykernel" not in sys.modules or find_spec("ipywidgets") is None:
        return False
    from rich.console import Console

    return Console().is_jupyter
