"""Numbers that depend on global generators, the clock or state in Python are rejected, or right."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchbed.store import StudyFolder

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "impure.py"
SMALL = ["--plugin", PLUGIN, "--preset", "quick", "--track", "default", "--no-stop-when-solved", "-j", "2"]
STEPS = 40
RULES = [
    *("warmup", "packed-warmup", "warmup-in-state", "global-warmup"),
    *("shaken", "late-noise", "system-noise", "langevin", "gd"),
]


@pytest.fixture(scope="module", params=["eager", "compiled"])
def study(request, run_in_process, run_once):
    """Return the rows, by problem and optimizer, of a study of all rules and losses under one engine."""
    engine = request.param

    def fill(folder):
        optimizers = [argument for name in RULES for argument in ("-o", name)]
        arguments = [*SMALL, "--engine", engine, "--steps", STEPS, "--seeds", 4, *optimizers]
        right = run_in_process(
            folder, "run", *arguments, "-p", "parabola", "-p", "random-parabola", "-O", "rules"
        )
        wrong = [
            argument for name in ("unseeded", "noisy", "shuffled") for argument in ("-p", f"{name}-parabola")
        ]
        losses = run_in_process(folder, "run", *SMALL, "--engine", engine, "-o", "gd", *wrong, "-O", "losses")
        assert (right.returncode, losses.returncode) == (1, 1), right.stderr + losses.stderr

    folder = run_once(f"purity-{engine}", fill)
    rows = {}
    for name in ("rules", "losses"):
        for row in StudyFolder(folder / name).read_trials().to_pylist():
            rows.setdefault((row["problem"], row["optimizer"]), []).append(row)
    with (folder / "rules" / "summary.csv").open(encoding="utf-8") as file:
        summary = list(csv.DictReader(file))
    return rows, summary, engine


def test_a_counter_in_python_gives_the_numbers_of_a_count_in_the_state(study):
    """θ is scaled by (1 - η/10)⁵ (1 - η)³⁵; 1e-12: another order of the products."""
    rows, _, engine = study
    expected = np.array([2.0, 1.0]) * 0.99**5 * 0.9 ** (STEPS - 5)
    for name in ("warmup", "packed-warmup", "warmup-in-state"):
        for row in rows["parabola", name]:
            np.testing.assert_allclose(row["final_theta"], expected, rtol=1e-12)
    assert rows["parabola", "warmup-in-state"][0]["engine"] == engine
    for name in ("warmup", "packed-warmup"):
        counted = rows["parabola", name][0]
        assert counted["engine"] == "eager"
        assert "`step`" in counted["engine_reason"]


@pytest.mark.parametrize(
    ("problem", "optimizer", "words"),
    [
        ("parabola", "global-warmup", ["global_warmup", "keep it in the state"]),
        (
            "parabola",
            "shaken",
            ["shaken", "torch's global generator", "Optimizer(make_draws=…)", "oracle.draw"],
        ),
        ("random-parabola", "shaken", ["torch's global generator"]),
        ("parabola", "system-noise", ["a random generator of its own", "oracle.draw"]),
        ("parabola", "late-noise", ["(the module random)", "make_draws"]),
        (
            "noisy-parabola",
            "gd",
            ["objective of problem 'noisy-parabola'", "NumPy's global generator", "make_draws"],
        ),
        ("shuffled-parabola", "gd", ["make_data", "(the module random)", "its argument `generator`"]),
        ("unseeded-parabola", "gd", ["make_start", "generator of its own", "its argument `generator`"]),
    ],
)
def test_impure_trials_fail_with_a_sentence(study, problem, optimizer, words):
    """Without numbers and without a traceback."""
    for row in study[0][problem, optimizer]:
        assert row["status"] == "failed"
        assert all(word in row["error"] for word in words), row["error"]
        assert "Traceback" not in row["error"]
        assert row["final_objective"] is None


def test_only_equal_results_on_two_seeds_are_called_deterministic(study):
    """A rule with draws runs on all seeds though the problem is fixed; rejected rows are not called anything."""
    rows, summary, _ = study
    notes = {(row["problem"], row["optimizer"]): row["notes"] for row in summary}
    assert "deterministic" in notes["parabola", "warmup"]
    assert "deterministic" in notes["parabola", "gd"]
    assert len(rows["parabola", "gd"]) == len(rows["parabola", "warmup"]) == 2
    assert all(
        "deterministic" not in notes["parabola", name] for name in ("langevin", "shaken", "global-warmup")
    )
    assert len(rows["parabola", "langevin"]) == 4
    assert all(
        "deterministic" not in note for (problem, _), note in notes.items() if problem == "random-parabola"
    )


def test_declared_draws_run_on_both_engines(study):
    """Every seed has a path of its own, and the compiled step is used."""
    rows, _, engine = study
    for problem in ("parabola", "random-parabola"):
        trials = rows[problem, "langevin"]
        assert {row["engine"] for row in trials} == {engine}
        assert len({row["final_objective"] for row in trials}) == 4


def test_verify_reports_a_compiled_number_that_eager_steps_do_not_confirm(run_in_process, tmp_path):
    """The compiled step repeats to the bit, so only another engine can show that it is wrong."""
    arguments = [*SMALL, "--engine", "compiled", "--steps", STEPS, "--seeds", 2, "-p", "random-parabola"]
    run = run_in_process(tmp_path, "run", *arguments, "-o", "two-faced", "-o", "langevin", "-O", "out")
    assert run.returncode == 0, run.stderr
    verify = run_in_process(tmp_path, "verify", "out", "--plugin", PLUGIN)
    assert verify.returncode == 1, verify.stdout + verify.stderr
    (wrong,) = (line for line in verify.stdout.splitlines() if "two-faced" in line)
    (right,) = (line for line in verify.stdout.splitlines() if "langevin" in line)
    assert "its compiled step and eager steps disagree: differs in curve_objective" in wrong
    assert right.endswith("equal to the bit")
