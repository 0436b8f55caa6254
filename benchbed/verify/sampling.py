"""Choose which stored batches run again, and say whether equal bits can be expected of them."""

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import torch

from benchbed.catalog import Catalog
from benchbed.environment import describe_environment
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import FINAL_STATUSES, Engine
from benchbed.plan import BatchPlan, Pairing, Plan
from benchbed.store import StudyFolder, from_bytes

Row = Mapping[str, Any]

SURROUNDINGS = ("torch", "platform", "processor", "device", "cpu_capability", "kernel_choice")
"""What the environments of a study must share with this one for equal bits to be expected."""


class Part(NamedTuple):
    """A stored batch: the name of its file, its rows, and what ran."""

    name: str
    rows: list[Row]
    batch: BatchPlan

    @property
    def results(self) -> list[Row]:
        """The rows that are results of the engine; what failed or crashed may do so differently each time."""
        return [row for row in self.rows if row["status"] in FINAL_STATUSES]

    @property
    def requested_engine(self) -> Engine:
        """The engine that was requested when the batch ran; in parts of schema 3 and earlier, the one that ran."""
        if not self.results:
            return Engine.AUTO
        row = self.results[0]
        return Engine(row["engine_requested"] or row["engine"] or Engine.AUTO)


class Sample(NamedTuple):
    """The batches that are to run again."""

    plan: Plan
    parts: list[Part]
    batches: int
    """How many there were to choose from."""
    strangers: int
    """Stored trials that the newest plan does not describe: of another budget or seed, or of a changed plugin."""
    elsewhere: str | None
    """Why equal bits cannot be expected; None on the same type of machine with the same torch."""
    warnings: list[str]


def choose(path: Path, catalog: Catalog, size: int, seed: int) -> Sample:
    """Choose the whole batches of random trials of a study folder, at most `size` batches.

    Raises: StudyFolderError if it cannot be read, UsageError if its device is not here, NothingSelectedError if no
    batch of its plan ended in a result of the engine.
    """
    folder = StudyFolder(path)
    plan = folder.read_plan()
    _check_device(plan.device)
    folder.read_trials()  # raises, or warns, about parts that cannot be read
    parts: list[Part] = []
    strangers = 0
    for name, rows in _stored(path):
        batch = batch_of(plan, rows)
        if batch is None:
            strangers += len(rows)
        elif (part := Part(name, rows, batch)).results:
            parts.append(part)
    if not parts:
        raise NothingSelectedError(
            f"{path} holds no result of its plan; complete the study first (`benchbed run`)"
        )
    trials = [number for number, part in enumerate(parts) for _ in part.results]
    random.Random(seed).shuffle(trials)
    chosen = [parts[number] for number in sorted(list(dict.fromkeys(trials))[:size])]
    return Sample(plan, chosen, len(parts), strangers, _elsewhere(path, plan, catalog), folder.warnings)


def batch_of(plan: Plan, rows: list[Row]) -> BatchPlan | None:
    """Give the batch, settings × seeds, that left these rows; None if the plan describes none of them."""
    settings = [json.loads(text) for text in dict.fromkeys(row["hyperparameters"] for row in rows)]
    seeds = list(dict.fromkeys(row["seed"] for row in rows))
    stored = {row["trial_key"] for row in rows}
    for pairing in plan.pairings():
        if not _is_of(pairing, rows[0], settings):
            continue
        batch = plan.batch(pairing, settings, rows[0]["role"], seeds)
        if any(not stored.isdisjoint(keys) for keys in plan.keys(batch)):
            return batch
    return None


def _is_of(pairing: Pairing, row: Row, settings: list[dict[str, Any]]) -> bool:
    entrant = pairing.entrants[0]
    return (row["problem"], row["optimizer"]) == (pairing.problem.name, entrant.name) and all(
        setting.get(name) == entrant.hyperparameters[name] for setting in settings for name in entrant.statics
    )


def _stored(path: Path) -> Iterator[tuple[str, list[Row]]]:
    for file in sorted((path / "trials").glob("*.parquet")):
        try:
            rows = from_bytes(file.read_bytes()).to_pylist()
        except (ValueError, OSError, pa.ArrowException):
            continue  # the folder has warned of it
        if rows:
            yield file.stem, rows


def _check_device(device: str) -> None:
    kind, _, index = device.partition(":")
    if kind == "cuda" and torch.cuda.device_count() <= int(index or 0):
        raise UsageError(f"the study ran on {device!r}, which torch does not find; verify it where it is")


def _elsewhere(path: Path, plan: Plan, catalog: Catalog) -> str | None:
    # Which invocation gave which part is not stored: one that ran elsewhere is enough to expect other bits.
    here = describe_environment(plan, catalog, 1, "processes")
    files = sorted((path / "environments").glob("*.json"))
    for file in files:
        try:
            stored = json.loads(file.read_bytes())
            differing = [name for name in SURROUNDINGS if stored.get(name) != here[name]]
        except (OSError, ValueError, AttributeError):
            return f"{file.name} cannot be read"
        if differing:
            name = differing[0]
            return f"{name} was {stored.get(name)} and is {here[name]} here"
    return None if files else "the folder says nothing of where it ran"
