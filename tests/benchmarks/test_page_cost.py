"""The benchmark of the page repeats the rows of a study under other names."""

import importlib

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(run_in_process, run_once):
    """A study of two optimizers on two problems."""
    import benchbed

    selection = ["-p", "quadratic", "-p", "quartic", "-o", "gd", "-o", "sgd"]
    options = ["--preset", "quick", "--steps", "30", "--seeds", "2", "-O", "study"]
    folder = run_once("page-cost", lambda folder: run_in_process(folder, "run", *selection, *options))
    return benchbed.load(folder / "study").results


def test_every_name_has_the_rows_of_its_original(results):
    """Trials, curves and summaries; each trial has a key of its own, and each pair of optimizers a row."""
    repeated = importlib.import_module("page_cost").repeated(results, optimizers=5, problems=3)
    assert repeated.optimizers == ("gd-0", "sgd-1", "gd-2", "sgd-3", "gd-4")
    assert list(repeated.problems) == ["quadratic-0", "quartic-1", "quadratic-2"]
    labels = ["problem", "optimizer"]
    for name in ("outcomes", "tuning", "summary", "measures"):
        frame, original = getattr(repeated, name), getattr(results, name)
        counts = original.groupby(labels).size()
        for (problem, optimizer), count in frame.groupby(labels).size().items():
            assert count == counts[problem.rpartition("-")[0], optimizer.rpartition("-")[0]]
        assert frame[labels].drop_duplicates().shape[0] == 15
    assert repeated.outcomes["trial_key"].is_unique
    last = repeated.outcomes.iloc[-1]
    (first,) = results.outcomes[
        (
            results.outcomes[[*labels, "track", "seed"]] == ["quadratic", "gd", last["track"], last["seed"]]
        ).all(axis=1)
    ].to_dict("records")
    columns = ["calls", "objective"]
    pd.testing.assert_frame_equal(
        repeated.curves[repeated.curves["trial_key"] == last["trial_key"]][columns].reset_index(drop=True),
        results.curves[results.curves["trial_key"] == first["trial_key"]][columns].reset_index(drop=True),
    )
    sizes = repeated.comparisons.groupby(["problem", "track"]).size()
    assert set(sizes) == {10}


def test_the_repeated_study_has_a_page(results):
    """Its statistics belong together."""
    page_cost = importlib.import_module("page_cost")
    (page,) = page_cost.draw(page_cost.repeated(results, optimizers=30, problems=3), "").values()
    assert b"24 best of 30 optimizers" in page
