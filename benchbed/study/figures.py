"""Have the figures of a suite drawn by the workers, in parallel, and write them beside their captions."""

import functools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchbed.catalog import Catalog
from benchbed.interfaces import Figure, Picture
from benchbed.interfaces.figure import function_of
from benchbed.runner.global_state import usual_conditions
from benchbed.runner.task import catalog_of
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store.files import write_atomically
from benchbed.study.model import Study, load

FOLDER = "figures"
FULL = "-full"
"""Ends the name of the suite that the preset `full` takes instead of another."""


class Order(msgspec.Struct, frozen=True):
    """A figure to be drawn; crosses processes as JSON."""

    figure: str
    plugin_files: tuple[str, ...]
    token: str = ""
    """Differs between two calls: a process reads the folder once for each, as it may have grown in between."""
    folders: tuple[str, ...] = ()
    """The studies to draw from."""
    measured: Any = None
    """What the figure's own measurement gave, where it has no study."""


class Drawn(NamedTuple):
    """A figure with what came of it."""

    figure: Figure
    picture: Picture | None
    complaint: str | None
    """Why there is no picture."""


def figures_of(catalog: Catalog, suite: str) -> list[Figure]:
    """List the figures that need this suite alone, or the one whose full form it is, in order of registration."""
    alone = {(suite,), (suite.removesuffix(FULL),)}
    figures: list[Figure] = [
        catalog.entry("figures", name).implementation for name in catalog.names("figures")
    ]
    return [figure for figure in figures if figure.suites in alone]


def draw_figures(
    figures: Sequence[Figure],
    plugin_files: tuple[str, ...],
    workers: Workers,
    folders: Sequence[Path] = (),
    measured: Mapping[str, Any] | None = None,
) -> Iterator[Drawn]:
    """Give each figure as it is done, drawn from the studies in `folders` or from what was `measured` by its name."""
    futures: dict[Future[Any], Figure] = {}
    token = uuid.uuid4().hex
    for figure in figures:
        studies = tuple(str(folder.resolve()) for folder in folders)
        order = Order(figure.name, plugin_files, token, studies, (measured or {}).get(figure.name))
        futures[workers.submit(draw, order)] = figure
    for future in as_completed(futures):
        result = workers.result(future)
        if isinstance(result, WorkerFailure):
            yield Drawn(futures[future], None, f"{result.kind}: {result.message}")
        else:
            yield Drawn(futures[future], Picture(*result), None)


def draw(encoded: bytes) -> tuple[dict[str, bytes], str]:
    """Draw one figure where the work is done; gives the fields of its picture."""
    order = msgspec.json.decode(encoded, type=Order)
    with usual_conditions():
        figure: Figure = catalog_of(order.plugin_files).entry("figures", order.figure).implementation
        studies = [read_study(folder, order.token) for folder in order.folders]
        picture = function_of(figure.draw)(*studies or [order.measured])
    if not isinstance(picture, Picture):
        raise TypeError(f"{figure.draw} gave {type(picture).__name__}; give a benchbed.interfaces.Picture")
    return dict(picture.files), str(picture.caption)


def measure(encoded: bytes) -> Any:
    """Call the measurement of one figure where the work is done; gives plain data."""
    order = msgspec.json.decode(encoded, type=Order)
    with usual_conditions():
        figure: Figure = catalog_of(order.plugin_files).entry("figures", order.figure).implementation
        if figure.measure is None:
            raise ValueError(f"{figure.name} has nothing to measure")
        measured = function_of(figure.measure)()
    return msgspec.to_builtins(measured)


@functools.lru_cache(maxsize=2)
def read_study(folder: str, token: str) -> Study:
    """Read a finished study once a process and `token`."""
    return load(folder)


def write_picture(folder: Path, figure: Figure, picture: Picture) -> list[str]:
    """Write the files of a figure and its caption into `folder`; gives the names of its images."""
    names = {f"{figure.name}.{suffix}": content for suffix, content in picture.files.items()}
    for name, content in names.items():
        write_atomically(folder / name, content)
    write_atomically(folder / f"{figure.name}.md", f"# {figure.title}\n\n{picture.caption}\n".encode())
    return list(names)
