"""Tests of wrappers on the command line, in one run of a third party's and of built-in ones."""

import json

import pytest

import benchbed

SOURCE = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter


def negate(optimizer):
    def update(oracle, state, theta):
        return optimizer.update(oracle.map(lambda gradient: -gradient), state, theta)
    return optimizer._replace(update=update)


def shrink(optimizer, learning_rate: Hyperparameter, share: Hyperparameter = 0.5):
    def update(oracle, state, theta):
        theta, state = optimizer.update(oracle, state, theta)
        return (1 - learning_rate * share) * theta, state
    return optimizer._replace(update=update)


@hookimpl
def register_wrappers(register):
    register(negate)
    register(shrink)
"""
OPTIMIZERS = (
    "sgd",
    "shrink(negate(sgd), share=[0.5, 1])[learning_rate=0.001]",
    "cosine(shrink(torch.optim:SGD), warmup=0.1)",
    "ema(adam[learning_rate=0.5])",
)


@pytest.fixture(scope="module")
def rows(run_in_process, tmp_path_factory):
    """Run one study; return its rows by optimizer, and the folder and the result."""
    folder = tmp_path_factory.mktemp("wrappers")
    folder.joinpath("mine.py").write_text(SOURCE)
    chosen = [argument for optimizer in OPTIMIZERS for argument in ("-o", optimizer)]
    options = ["--preset", "quick", "--steps", "20", "--seeds", "2", "--track", "default", "--format", "json"]
    result = run_in_process(
        folder, "run", "--plugin", "mine.py", "-p", "quadratic", *chosen, *options, "-O", "study"
    )
    assert result.returncode == 0, result.stderr
    return {row["optimizer"]: row for row in json.loads(result.stdout)["summary"]}, folder


def test_each_setting_of_a_wrapper_has_a_row(rows):
    """Labels are canonical: parameters that differ from their defaults, with the wrapper's name."""
    assert list(rows[0]) == [
        "sgd",
        "shrink(negate(sgd))[learning_rate=0.001]",
        "shrink(negate(sgd))[learning_rate=0.001, shrink_share=1]",
        "cosine(shrink(torch.optim:SGD))[cosine_warmup=0.1]",
        "ema(adam)[learning_rate=0.5]",
    ]
    assert not any(row["failed"] or row["skipped"] for row in rows[0].values())


def test_the_third_partys_code_runs(rows):
    """The gradient is negated: the trials leave the minimum."""
    of_row = rows[0]
    assert of_row["shrink(negate(sgd))[learning_rate=0.001]"]["gap"] > of_row["sgd"]["gap"]


def test_a_wrapper_that_reads_the_progress_is_noted(rows):
    """A schedule knows the budget."""
    assert "knows the budget" in rows[0]["cosine(shrink(torch.optim:SGD))[cosine_warmup=0.1]"]["notes"]
    assert "knows the budget" not in rows[0]["sgd"]["notes"]


def test_a_resumed_study_runs_nothing(rows, run_benchbed):
    """The identities of wrapped optimizers do not depend on the process."""
    _, folder = rows
    before = sorted(folder.glob("study/trials/*.parquet"))
    result = run_benchbed(folder, "run", "study/suite.toml", "--plugin", "mine.py", "-O", "study")
    assert result.returncode == 0, result.stderr
    assert sorted(folder.glob("study/trials/*.parquet")) == before


def test_wrappers_are_listed_with_their_parameters(rows, run_in_process):
    """Those of a third party too."""
    result = run_in_process(rows[1], "list", "wrappers", "--plugin", "mine.py")
    assert result.returncode == 0
    assert "share=0.5" in result.stdout
    assert "warmup=0" in result.stdout


def test_the_schedule_that_a_search_chooses_is_the_best_of_all(run_in_process, tmp_path):
    """By brute force without randomness: each point of the search, as a row with the schedule's own wrapper."""

    def run(track, *optimizers):
        options = ["-p", "quadratic[start=[2, 1]]", "--preset", "quick", "--steps", "60", "--track", track]
        options += [argument for optimizer in optimizers for argument in ("-o", optimizer)]
        result = run_in_process(tmp_path, "run", *options, "-O", track)
        assert result.returncode == 0, result.stderr
        return benchbed.load(tmp_path / track)

    searched = run("searched", "scheduled(sgd, schedule=[wsd, cosine, constant])")
    tuning = searched.trials[searched.trials["role"] == "tuning"]
    points = [json.loads(text) for text in tuning["hyperparameters"]]
    rows = {}
    for point in points:
        name, rate = point["scheduled_schedule"], point["learning_rate"]
        final = "" if name == "constant" else f", final={point['scheduled_final']!r}"
        selector = f"{name}(sgd[learning_rate={rate!r}], warmup={point['scheduled_warmup']!r}{final})"
        rows[selector] = point
    assert {point["scheduled_schedule"] for point in points} == {"wsd", "cosine", "constant"}
    alone = run("default", *rows)
    ends = alone.trials.set_index("hyperparameters")["final_objective"]
    assert sorted(ends) == sorted(tuning["final_objective"])
    best = alone.summary["score"].to_numpy().argmax()
    assert alone.summary["score"].nlargest(2).diff().iloc[-1] < 0
    assert searched.summary["score"].item() == alone.summary["score"][best]
    assert json.loads(searched.summary["hyperparameters"].item()) == [*rows.values()][best]

    verified = run_in_process(tmp_path, "verify", "searched", "--sample", "10")
    assert verified.returncode == 0, verified.stderr
    assert f"{len(searched.trials)} trials: all agree" in verified.stdout
