"""Figures of suites, drawn by workers in parallel and written with their captions."""

import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any, cast

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.interfaces import Figure, Picture
from benchbed.interfaces.figure import function_of
from benchbed.runner.global_state import default_global_state
from benchbed.runner.task import catalog_of
from benchbed.runner.third_party import plugins_of
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.study.model import Study, load

FOLDER = "figures"
FULL = "-full"
"""Suffix of the suite that replaces another one when full budgets are requested."""


class FigureTask(msgspec.Struct, frozen=True):
    """A figure to measure or draw; crosses processes as JSON."""

    figure: str
    plugin_files: tuple[str, ...]
    token: str = ""
    """Differs between two calls, so that a process reads again a folder that may have grown."""
    folders: tuple[str, ...] = ()
    """The studies to draw from."""
    measurement: Any = None
    """The result of the figure's own `measure`, if it has no study."""
    third_party: tuple[str, ...] = ()
    """Names of the third-party plugins that the process loads."""

    @property
    def owner(self) -> str | None:
        """The owner of the process that runs the task; None, for a shared process, if the figure is built in."""
        return f"figure {self.figure}" if self.third_party else None

    def load(self) -> Figure:
        """Return the figure, in the process that runs the task."""
        entry = catalog_of(self.plugin_files, self.third_party).entry("figures", self.figure)
        return cast(Figure, entry.implementation)


def figures_of(catalog: Catalog, suite: str) -> list[Figure]:
    """Return the figures that are drawn from this suite alone, or from the suite whose full form it is."""
    figures: list[Figure] = [entry.implementation for entry in catalog.entries["figures"].values()]
    return [figure for figure in figures if figure.suites in {(suite,), (suite.removesuffix(FULL),)}]


def draw_by_workers(
    figures: Sequence[Figure],
    catalog: Catalog,
    plugin_files: tuple[str, ...],
    workers: Workers,
    folders: Sequence[Path] = (),
    measurements: Mapping[str, Any] | None = None,
    timeout: float | None = None,
) -> Iterator[tuple[Figure, Picture | WorkerFailure]]:
    """Draw figures from the studies in `folders`, or from the `measurements` by their names; yield each when done."""
    futures: dict[Future[Any], Figure] = {}
    token = uuid.uuid4().hex
    studies = tuple(str(folder.resolve()) for folder in folders)
    for figure in figures:
        measurement = (measurements or {}).get(figure.name)
        third_party = plugins_of([catalog.entry("figures", figure.name)])
        task = FigureTask(figure.name, plugin_files, token, studies, measurement, third_party)
        futures[workers.submit(draw, task, timeout, task.owner)] = figure
    for future in as_completed(futures):
        result = workers.result(future)
        yield futures[future], result if isinstance(result, WorkerFailure) else Picture(*result)


def draw(encoded: bytes) -> tuple[dict[str, bytes], str]:
    """Draw one figure in a worker and return the fields of its picture."""
    task = msgspec.json.decode(encoded, type=FigureTask)
    with default_global_state():
        figure = task.load()
        studies = [read_study(folder, task.token) for folder in task.folders]
        picture = function_of(figure.draw)(*studies or [task.measurement])
    if not isinstance(picture, Picture):
        raise TypeError(
            f"{figure.draw} returned {type(picture).__name__}; it must return a benchbed.interfaces.Picture"
        )
    files: dict[Any, Any] = dict(picture.files)  # of a plugin, which may ignore the annotations
    if not all(isinstance(suffix, str) and isinstance(image, bytes) for suffix, image in files.items()):
        raise TypeError(f"the files of {figure.draw} must be bytes by their suffix")
    return dict(picture.files), str(picture.caption)


def measure(encoded: bytes) -> Any:
    """Call the `measure` of one figure in a worker and return its result as plain data."""
    task = msgspec.json.decode(encoded, type=FigureTask)
    with default_global_state():
        figure = task.load()
        if figure.measure is None:
            raise ValueError(f"figure {figure.name!r} has no measure")
        return msgspec.to_builtins(function_of(figure.measure)())


@functools.lru_cache(maxsize=2)
def read_study(folder: str, token: str) -> Study:
    """Read a finished study once for each process and `token`."""
    return load(folder)


def files_of(figure: Figure, picture: Picture) -> dict[str, bytes]:
    """Return the images of a figure, and its caption as markdown, by their paths in the output folder."""
    caption = f"# {figure.title}\n\n{picture.caption}\n".encode()
    contents = {**picture.files, "md": caption}
    return {f"{FOLDER}/{figure.name}.{suffix}": content for suffix, content in contents.items()}
