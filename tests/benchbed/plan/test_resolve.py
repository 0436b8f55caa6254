"""Tests of resolving requests to plans."""

import math

import msgspec
import pytest
import tomli_w
import torch

from benchbed.errors import NothingSelectedError, UsageError
from benchbed.plan import Request, complete_request, make_plan, read_suite

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")


def all_keys(plan):
    """Return the keys of all settings of all entrants on all problems."""
    keys = []
    for pairing in plan.pairings():
        for entrant in pairing.entrants:
            settings = [entrant.hyperparameters, *map(entrant.at, plan.rates if entrant.tunable else ())]
            for role, seeds in (
                ("evaluation", plan.evaluation_seeds),
                ("tuning", plan.tuning_seeds_of(pairing.problem)),
            ):
                keys += plan.keys(plan.batch(pairing, settings, role, range(seeds)))
    return keys


def test_a_plan_has_the_numbers_of_the_preset_and_the_problem(plan_of):
    """quick: 3 evaluation seeds, 2 tuning seeds, nine rates, 200 calls, both tracks."""
    plan = plan_of()
    assert (plan.name, plan.preset, plan.tracks) == ("quick", "quick", ("default", "tuned"))
    assert (plan.evaluation_seeds, plan.tuning_seeds, len(plan.rates), plan.extensions) == (3, 2, 9, 0)
    assert (plan.problems[0].budget, plan.problems[0].dtype, plan.problems[0].dimension) == (
        200,
        "float64",
        2,
    )


@pytest.mark.parametrize("preset", ["quick", "standard", "full"])
def test_steps_is_a_budget_for_every_problem(plan_of, preset):
    """--steps N overrides preset and problem, also with a larger number."""
    plan = plan_of(("quadratic", "polynomial-network"), preset=preset, steps=123_456)
    assert [problem.budget for problem in plan.problems] == [123_456] * 2


def test_seeds_is_the_number_of_evaluation_seeds(plan_of):
    """The number of tuning seeds is that of the preset."""
    plan = plan_of(seeds=11)
    assert (plan.evaluation_seeds, plan.tuning_seeds) == (11, 2)


def test_reverse_mode_is_the_default(plan_of, catalog):
    """The plan has its name and its source."""
    plan = plan_of()
    assert (plan.gradient, plan.gradient_source) == ("reverse", catalog.entry("gradients", "reverse").source)


def test_the_suite_has_canonical_selectors(plan_of):
    """Parentheses become brackets, in labels too."""
    plan = plan_of(("quadratic(start=(2, 1))",), ("adam(learning_rate=[0.1, 1e-2])",))
    assert plan.suite["problems"] == ["quadratic[start=[2, 1]]"]
    assert plan.suite["optimizers"] == ["adam[learning_rate=[0.1, 0.01]]"]
    assert [entrant.label for entrant in plan.entrants] == [
        "adam[learning_rate=0.1]",
        "adam[learning_rate=0.01]",
    ]


@pytest.mark.parametrize(
    "request_",
    [
        Request(problems=("quadratic", "runge[features=5]"), optimizers=("adam", "gd"), preset="quick"),
        Request(
            name="mine",
            problems=(
                "quadratic[eigenvalues=[1, 7.5], start=[0.1, 2]]",
                "polynomial-network[hidden=[], samples=128]",
            ),
            optimizers=("adam[learning_rate=[0.1, 1e-5]]", "torch.optim:SGD[momentum=0.9, nesterov=true]"),
            preset="full",
            tracks=("tuned",),
            checkpoints="all",
            steps=77,
            seeds=4,
            seed=2**62,
            dtype="float32",
            tolerance=1e-6,
            stop_when_solved=False,
            gradient="finite-difference",
        ),
    ],
    ids=["plain", "everything"],
)
def test_the_suite_of_a_plan_resolves_to_the_same_plan(catalog, tmp_path, request_):
    """After it is written and read as TOML."""
    plan = make_plan(catalog, msgspec.structs.replace(request_, device="cpu"))
    path = tmp_path / "suite.toml"
    path.write_text(tomli_w.dumps(plan.suite))
    repeated = make_plan(catalog, complete_request(catalog, Request(), path))
    assert repeated == plan
    assert all_keys(repeated) == all_keys(plan)
    assert len({key for row in all_keys(plan) for key in row}) > 1


@pytest.mark.parametrize("preset", ["quick", "standard", "full"])
def test_the_built_in_suites_are_resolved(catalog, preset):
    """The suite of each preset has that preset."""
    plan = make_plan(catalog, complete_request(catalog, Request(preset=preset, device="cpu"), None))
    assert plan.preset == plan.name == preset
    assert len(plan.entrants) >= 7


@pytest.mark.parametrize(
    ("problems", "optimizers", "duplicate"),
    [
        (("quadratic", "quadratic"), ("adam",), "problem 'quadratic'"),
        (("quadratic[start=2]", "quadratic[start=2.0]"), ("adam",), "problem 'quadratic\\[start=2\\]'"),
        (("quadratic",), ("adam", "adam[beta1=0.9]"), "optimizer 'adam'"),
        (("quadratic",), ("adam[beta1=0.5]", "adam[beta1=[0.9, 0.5]]"), "optimizer 'adam\\[beta1=0.5\\]'"),
    ],
)
def test_a_duplicate_is_rejected(plan_of, problems, optimizers, duplicate):
    """Also if it is written differently: two rows would have the same label."""
    with pytest.raises(UsageError, match=f"{duplicate} is selected twice"):
        plan_of(problems, optimizers)


@pytest.mark.parametrize(
    ("problems", "optimizers", "missing"), [((), ("adam",), "problems"), (("quadratic",), (), "optimizers")]
)
def test_a_plan_without_problems_or_optimizers_is_rejected(plan_of, problems, optimizers, missing):
    """The error has its own type, because the command line has an exit code for it."""
    with pytest.raises(NothingSelectedError, match=f"no {missing} are selected"):
        plan_of(problems, optimizers)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps is 0; it must be between 1"),
        ({"steps": -5}, "steps is -5"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": 10**9}, "seeds is 1000000000"),
        ({"seed": -1}, "seed is -1; it must be between 0"),
        ({"seed": 2**63}, "it must be between 0 and 2\\*\\*63 - 1"),
        ({"tolerance": 0.0}, "tolerance is 0; it must be positive and finite \\(leave it out"),
        ({"tolerance": -1e-6}, "tolerance is -1e-06; it must be positive"),
        ({"tolerance": math.nan}, "tolerance is nan; it must be positive"),
        ({"tolerance": math.inf}, "tolerance is inf; it must be positive and finite"),
        ({"tracks": ("tuned", "tuned")}, "a track is named twice"),
        ({"seeds": 10**7}, "this plan has about 2e7 trials; ask for fewer"),
        ({"device": "gpu"}, "unknown device 'gpu'; choose auto, cpu, cuda or cuda:0"),
        ({"device": "cpu:0"}, "unknown device 'cpu:0'"),
        ({"device": "cpu:"}, "unknown device 'cpu:'"),
        ({"device": "cuda:"}, "unknown device 'cuda:'"),
        ({"device": "cuda:x"}, "unknown device 'cuda:x'"),
        ({"device": "cuda:²"}, "unknown device 'cuda:²'"),
        ({"device": "cuda:-1"}, "unknown device 'cuda:-1'"),
        ({"device": ""}, "unknown device ''"),
        ({"preset": ""}, "unknown preset ''"),
        ({"preset": "fast"}, "unknown preset 'fast'"),
        ({"problems": ("quadratik",)}, "did you mean 'quadratic'"),
        ({"optimizers": ("adam[lr=1]",)}, "learning_rate"),
        ({"gradient": "foreward"}, "unknown gradient 'foreward'; did you mean 'forward'"),
        ({"gradient": ""}, "unknown gradient ''"),
    ],
)
def test_an_invalid_value_is_rejected(plan_of, fields, message):
    """The error has the value and a remedy."""
    with pytest.raises(UsageError, match=message):
        plan_of(**fields)


@NO_CUDA
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_is_rejected_if_there_is_none(plan_of, device):
    """There is no silent fallback to the CPU."""
    with pytest.raises(UsageError, match="torch finds no CUDA device; use --device cpu"):
        plan_of(device=device)


@NO_CUDA
def test_auto_is_the_cpu_if_there_is_no_cuda(plan_of):
    """The plan has the device that was chosen."""
    assert plan_of(device="auto").device == plan_of(device=None).device == "cpu"


def test_options_override_the_suite(catalog, tmp_path):
    """Values of the suite are used where the options have none."""
    path = tmp_path / "mine.toml"
    path.write_text('problems = ["quartic"]\noptimizers = ["sgd"]\npreset = "quick"\nsteps = 50\nseed = 3\n')
    plan = make_plan(catalog, complete_request(catalog, Request(steps=9, device="cpu"), path))
    assert (plan.name, plan.problems[0].budget, plan.study_seed) == ("mine", 9, 3)
    assert read_suite(path).steps == 50


@pytest.mark.parametrize(
    ("count", "device", "message"),
    [
        (1, "cuda:1", "device 'cuda:1' does not exist; choose cuda$"),
        (4, "cuda:4", "device 'cuda:4' does not exist; choose cuda for all, or one of cuda:0 to cuda:3$"),
    ],
)
def test_a_cuda_device_that_does_not_exist_is_rejected(plan_of, monkeypatch, count, device, message):
    """The error names those that do."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    with pytest.raises(UsageError, match=message):
        plan_of(device=device)
    assert plan_of(device=f"cuda:{count - 1}").device == f"cuda:{count - 1}"
    assert plan_of(device="cuda").device == plan_of(device=None).device == "cuda"
