"""Random stored batches to run again, and whether the results should be equal to the bit."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchbed.catalog.lookup import Catalog
from benchbed.environment import describe_environment
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import FINAL_STATUSES, Engine
from benchbed.plan import BatchPlan, Pairing, Plan, check_imports
from benchbed.store import StudyFolder, from_bytes
from benchbed.store.files import inside, read_regular_file

StoredRow = Mapping[str, Any]

ENVIRONMENT_KEYS = ("torch", "platform", "processor", "device", "cpu_capability", "kernel_choice")
"""Properties that must not change between two runs whose results should be equal to the bit."""
_BATCH_COLUMNS = [
    "trial_key",
    "problem",
    "optimizer",
    "hyperparameters",
    "role",
    "seed",
    "status",
    "batch_trials",
]


class StoredBatch(NamedTuple):
    """A batch of a study folder."""

    name: str
    """Name of its file."""
    rows: list[StoredRow]
    batch: BatchPlan

    @property
    def measured_rows(self) -> list[StoredRow]:
        """Rows with a final status; failures and crashes need not repeat."""
        return [row for row in self.rows if row["status"] in FINAL_STATUSES]

    @property
    def is_compiled(self) -> bool:
        """Whether a compiled step ran, whose results an eager step should confirm."""
        return any(row["engine"] == Engine.COMPILED for row in self.measured_rows)

    @property
    def requested_engine(self) -> Engine:
        """The engine that was requested when the batch ran; in parts of schema 3 and earlier, the one that ran."""
        if not self.measured_rows:
            return Engine.AUTO
        row = self.measured_rows[0]
        return Engine(row["engine_requested"] or row["engine"] or Engine.AUTO)


class PlannedPart(NamedTuple):
    """A part of a study folder whose batch can run again; its rows are read if it is in the sample."""

    path: Path
    batch: BatchPlan
    measured_trials: int


class Sample(NamedTuple):
    """Stored batches that run again."""

    plan: Plan
    batches: list[StoredBatch]
    available: int
    """Number of batches in the folder."""
    unplanned_trials: int
    """Stored trials that the newest plan does not contain: of another budget or seed, or of a changed plugin."""
    changed_environment: str | None
    """Difference in machine or torch because of which results need not be equal to the bit; None without one."""
    warnings: list[str]
    contradictions: dict[str, tuple[int, str]]
    """Number of rows and the reason, by the name of each batch whose rows contradict the plan or themselves."""


def sample_batches(path: Path, catalog: Catalog, size: int, seed: int, allow_import: bool = False) -> Sample:
    """Choose the batches of random trials of a study folder, at most `size` batches.

    `allow_import` allows the plan to name classes of any module as optimizers. Batches of objects that were passed to
    `run()` are left out, with a warning for each object.

    Raises: StudyFolderError if the folder cannot be read, UsageError if its device is not available or a class is not
    allowed, NothingSelectedError if it contains no batch of its plan with results that can run again.
    """
    folder = StudyFolder(path)
    plan = folder.read_plan()
    check_imports([entrant.name for entrant in plan.entrants], path, allow_import)
    kind, _, index = plan.device.partition(":")
    if kind == "cuda" and torch.cuda.device_count() <= int(index or 0):
        raise UsageError(
            f"the study ran on {plan.device!r}, which torch does not find; verify it on a machine that has it"
        )
    batches: list[PlannedPart] = []
    contradictions: dict[str, tuple[int, str]] = {}
    unplanned_trials = 0
    warnings: dict[str, None] = {}  # an ordered set
    pairings: dict[tuple[str, str], list[Pairing]] = {}
    for pairing in plan.pairings():
        names = pairing.problem.name, pairing.entrants[0].name
        pairings.setdefault(names, []).append(pairing)
    for part in folder.read_parts(plan):
        if part.contradiction is not None:
            contradictions[part.path.stem] = len(part.trials), part.contradiction
            continue
        rows = part.trials.select(_BATCH_COLUMNS).to_pylist()
        batch = planned_batch(plan, rows, pairings) if rows else None
        if batch is None:
            unplanned_trials += len(rows)
        elif passed := _passed_objects(plan, batch):
            warnings |= dict.fromkeys(
                f"{label} was passed to run() as an object, which this process does not have; its batches are left out"
                for label in passed
            )
        elif measured := sum(row["status"] in FINAL_STATUSES for row in rows):
            batches.append(PlannedPart(part.path, batch, measured))
    if not batches and not contradictions:
        remedy = "; ".join(warnings) or "complete the study first (`benchbed run`)"
        raise NothingSelectedError(f"{path} contains no result of its plan that can run again: {remedy}")
    batch_of_trial = [index for index, part in enumerate(batches) for _ in range(part.measured_trials)]
    random.Random(seed).shuffle(batch_of_trial)
    sampled = [batches[index] for index in sorted(list(dict.fromkeys(batch_of_trial))[:size])]
    return Sample(
        plan,
        [
            StoredBatch(path.stem, from_bytes(read_regular_file(path)).to_pylist(), batch)
            for path, batch, _ in sampled
        ],
        len(batches) + len(contradictions),
        unplanned_trials,
        _changed_environment(path, plan, catalog),
        [*folder.warnings, *warnings],
        contradictions,
    )


def planned_batch(
    plan: Plan, rows: list[StoredRow], pairings: Mapping[tuple[str, str], list[Pairing]]
) -> BatchPlan | None:
    """Return the batch, settings × seeds, that stored these rows; None if the plan contains none of its trials.

    `pairings` are those of the plan by the names of problem and optimizer.
    """
    try:
        settings = [json.loads(text) for text in dict.fromkeys(row["hyperparameters"] for row in rows)]
    except (ValueError, TypeError, RecursionError):
        return None
    if not all(isinstance(setting, dict) for setting in settings):
        return None
    seeds = list(dict.fromkeys(row["seed"] for row in rows))
    stored_keys = {row["trial_key"] for row in rows}
    for pairing in pairings.get((rows[0]["problem"], rows[0]["optimizer"]), ()):
        entrant = pairing.entrants[0]
        if any(
            setting.get(name) != entrant.hyperparameters[name]
            for setting in settings
            for name in entrant.shared_statics
        ):
            continue
        batch = plan.batch(pairing, settings, rows[0]["role"], seeds, rows[0]["batch_trials"] or 0)
        if any(not stored_keys.isdisjoint(keys) for keys in plan.keys(batch)):
            return batch
    return None


def _passed_objects(plan: Plan, batch: BatchPlan) -> list[str]:
    """Return the problem and the optimizer of a batch that were passed to `run()` as objects."""
    identity = (batch.optimizer, batch.optimizer_source)
    origins = [entrant.origin for entrant in plan.entrants if (entrant.name, entrant.source) == identity]
    labels = [f"problem {batch.problem.name!r}"] if batch.problem.origin.is_passed else []
    return labels + [f"optimizer {batch.optimizer!r}" for origin in origins[:1] if origin.is_passed]


def _changed_environment(path: Path, plan: Plan, catalog: Catalog) -> str | None:
    # The folder does not store in which environment a part was written, so one that differs decides for all.
    current = describe_environment(plan, catalog, 1, "processes")
    files = sorted(inside(path, "environments/file").parent.glob("*.json"))
    for file in files:
        try:
            stored = json.loads(read_regular_file(file))
            changed = [name for name in ENVIRONMENT_KEYS if stored.get(name) != current[name]]
        except (OSError, ValueError, AttributeError, RecursionError):
            return f"{file.name} cannot be read"
        if changed:
            name = changed[0]
            return f"{name} was {stored.get(name)} and is {current[name]} here"
    return None if files else "the folder does not describe the environment of the study"
