"""A task: JSON in, a part with a row for each trial out."""

import msgspec
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.engine import run_batch
from benchbed.interfaces import Engine
from benchbed.plan import Request, make_plan
from benchbed.runner import task as task_module
from benchbed.runner.task import Task, run_task
from benchbed.store import from_bytes
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches
from benchbed_problems.quadratic import Quadratic


@pytest.fixture(scope="module")
def task():
    """Return the first batch of a small study."""
    catalog = load_catalog(environ={})
    request = Request(
        problems=("quadratic",), optimizers=("gd",), preset="quick", steps=20, seeds=3, device="cpu"
    )
    plan = make_plan(catalog, request)
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    return Task(msgspec.structs.replace(plan, problems=(), entrants=(), suite={}), batch, (), jobs=1)


def run(task):
    return from_bytes(run_task(msgspec.json.encode(task)))


def test_every_trial_has_a_row_with_its_key(task):
    """Keys are those of the plan, in the order of seeds and settings."""
    table = run(task)
    keys = [key for of_seed in task.plan.keys(task.batch) for key in of_seed]
    assert table["trial_key"].to_pylist() == keys
    assert set(table["status"].to_pylist()) <= {"solved", "exhausted"}


def test_a_task_repeats_to_the_bit(task):
    """Two runs differ in nothing but the wall time."""
    first, second = (run(task).drop_columns(["wall_seconds", "peak_bytes"]) for _ in range(2))
    assert first.equals(second)


def test_another_attempt_repeats_to_the_bit(task):
    """A process that was killed from outside changes no number: the engine stays that of the plan."""
    plan = msgspec.structs.replace(task.plan, engine=Engine.COMPILED)
    tables = [
        run(msgspec.structs.replace(task, plan=plan, attempt=attempt)).drop_columns(
            ["wall_seconds", "peak_bytes", "attempt"]
        )
        for attempt in (1, 2)
    ]
    assert set(tables[0]["engine"].to_pylist()) == {"compiled"}
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("problem", "selector", "calls", "price"),
    [
        ("toy-mean[batch_size=16, samples=256]", "gd", 333, 16),
        ("toy-mean[batch_size=16, samples=256]", "sgd", 333, 1),
        ("toy-mean[batch_size=16, samples=256]", "gd", 15, 16),
        ("quadratic", "gd", 333, 4),
        ("quadratic", "sgd", 333, 1),
    ],
)
def test_a_budget_is_in_steps(problem, selector, calls, price, monkeypatch):
    """A factory that takes the budget gets the steps that it pays for, at least 1: full gradients are dearer."""

    def timed(budget, learning_rate: float = 1e-3):
        return factory(learning_rate)

    monkeypatch.setattr(Quadratic, "full_price", 4.0)
    catalog = load_catalog(environ={})
    entry = catalog.optimizer(selector)
    factory = entry.implementation
    monkeypatch.setitem(catalog.entries["optimizers"], selector, entry._replace(implementation=timed))
    request = Request(problems=(problem,), optimizers=(selector,), preset="quick", steps=calls, device="cpu")
    plan = make_plan(catalog, request)
    (batch,) = missing_batches(PairingState(plan, plan.pairings()[0]))[:1]
    assert task_module.engine_batch(plan, batch, catalog).statics == {"budget": max(1, calls // price)}
    record = task_module.measure_batch(plan, batch, catalog).record
    assert record.error is None
    assert (record.skip_reason is None) == (calls >= price)
    assert record.skip_reason or record.steps.max() == calls // price


def test_a_plugin_of_another_version_is_rejected(task):
    """Each row has the name of the plugin, and no trial runs."""
    other = msgspec.structs.replace(
        task, batch=msgspec.structs.replace(task.batch, optimizer_source="0" * 16)
    )
    table = run(other)
    assert set(table["status"].to_pylist()) == {"failed"}
    assert "optimizer 'gd' differs" in table["error"][0].as_py()


def test_a_gradient_of_another_version_is_rejected(task):
    """A plan of an earlier version has no digest of its gradient."""
    other = msgspec.structs.replace(task, plan=msgspec.structs.replace(task.plan, gradient_source="0" * 16))
    table = run(other)
    assert set(table["status"].to_pylist()) == {"failed"}
    assert "gradient 'reverse' differs" in table["error"][0].as_py()
    older = msgspec.structs.replace(task, plan=msgspec.structs.replace(task.plan, gradient_source=""))
    assert set(run(older)["status"].to_pylist()) <= {"solved", "exhausted"}
    assert run(older)["gradient_source"].to_pylist() == [None] * task.batch.trials


def test_a_missing_plugin_is_a_failure_with_its_name(task):
    """It is in every row."""
    other = msgspec.structs.replace(task, batch=msgspec.structs.replace(task.batch, optimizer="nowhere"))
    assert "unknown optimizer 'nowhere'" in run(other)["error"][0].as_py()


def test_threads_change_no_result(task, monkeypatch):
    """The engine has the number, and every column except the times is equal to the bit: eager rows have one thread."""
    threads = []

    def run_recorded(batch):
        threads.append(batch.threads)
        return run_batch(batch)

    monkeypatch.setattr(task_module, "run_batch", run_recorded)
    single, several = run(task), run(msgspec.structs.replace(task, threads=3))
    assert threads == [1, 3]
    columns = ["wall_seconds", "peak_bytes"]
    assert single.drop_columns(columns).equals(several.drop_columns(columns))
