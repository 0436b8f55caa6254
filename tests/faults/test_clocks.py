"""A clock that is set back while a study runs: times are never negative, and no duration comes from it."""

import ast
import functools
import itertools
import time
from pathlib import Path

import pytest

import benchbed
from benchbed.engine import run_batch
from benchbed.runner import task

ROOT = Path(__file__).parents[2]
SYSTEM_CLOCKS = {"time", "time_ns"}
"""Functions of the module `time` whose values an administrator, or the network, can set back."""


@pytest.mark.slow
def test_times_are_never_negative(monkeypatch, tmp_path):
    """Each look at the clock returns an earlier time than the one before, in the driver and in the engine."""
    backwards = itertools.count(2_000_000_000.0, -3600.0)
    monkeypatch.setattr(time, "time", lambda: next(backwards))
    monkeypatch.setattr(task, "run_batch", functools.partial(run_batch, clock=lambda: next(backwards)))
    study = benchbed.run(
        problems=["quadratic"], optimizers=["gd", "adam"], preset="quick", steps=20, seeds=2, device="cpu",
        executor="serial", output=tmp_path / "study",
    )  # fmt: skip
    assert study.lost == 0
    assert (study.trials["wall_seconds"] == 0.0).all()
    assert (study.summary.filter(like="seconds") >= 0.0).all(axis=None)


def test_no_duration_is_measured_by_the_system_clock():
    """All code that waits or measures uses a monotonic clock, which nothing sets back."""
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in ("benchbed", "plugins", "problems")
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (
            isinstance(node, ast.Attribute)
            and node.attr in SYSTEM_CLOCKS
            and ast.unparse(node.value) == "time"
        )
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and SYSTEM_CLOCKS & {alias.name for alias in node.names}
        )
    ]
    assert offenders == []
