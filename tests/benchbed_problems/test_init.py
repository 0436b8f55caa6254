"""Properties of all problems, and the suites of the presets."""

import subprocess
import sys
import tomllib
from dataclasses import fields

import pytest
import torch

import benchbed_problems
from benchbed.catalog.loading import load_catalog
from benchbed.interfaces.figure import function_of
from benchbed.plan import Request, make_plan, parse_selector
from benchbed.study.figure_plans import plan_of
from benchbed.study.figures import FULL


def gradient_of(function, theta):
    """Differentiate every lane by autograd."""
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(function(theta).sum(), theta)[0]


def test_the_problems_are_registered_with_the_simplest_first():
    """`benchbed list` and the documentation keep this order; one problem needs the extra `data`."""
    pytest.importorskip("sklearn")
    registered = []
    benchbed_problems.register_problems(registered.append)
    assert [problem.__name__ for problem in registered] == [
        "LinearRegression",
        "ToyMean",
        "Quadratic",
        "Quartic",
        "WeightedQuartic",
        "Runge",
        "ShallowNetwork",
        "Triangles",
        "PolynomialNetwork",
        "NoisyQuadratic",
        "BlockQuadratic",
        "Rosenbrock",
        "Beale",
        "ZipfBigram",
        "ImbalancedSoftmax",
        "MatrixSensing",
        "AssociativeMemory",
        "PhaseRetrieval",
        "LogisticRegression",
        "SoftmaxRegression",
        "DigitsMlp",
        "Mnist1d",
        "SparseParity",
        "MarkovTransformer",
        "PoissonPinn",
    ]


@pytest.fixture(scope="module")
def suites():
    """Return the suites of the plugin by name."""
    paths = []
    benchbed_problems.register_suites(paths.append)
    return {path.stem: tomllib.loads(path.read_text()) for path in paths}


def test_each_preset_has_a_suite_of_the_same_name(suites):
    """`quick`, `standard` and `full` have the same optimizers and tracks, and problems of the same names."""
    assert list(suites)[:3] == ["quick", "standard", "full"]
    assert all(suite["name"] == name for name, suite in suites.items())
    for name in list(suites)[:3]:
        suite = suites[name]
        assert suite["preset"] == name
        assert [selector.partition("[")[0] for selector in suite["problems"]] == [
            "quadratic",
            "quartic",
            "runge",
            "polynomial-network",
        ]
        assert (suite["optimizers"], suite["tracks"]) == (
            suites["quick"]["optimizers"],
            suites["quick"]["tracks"],
        )


@pytest.mark.parametrize("group", ["geometry", "noise", "tails", "spectrum", "networks"])
def test_the_suite_of_a_group_has_problems_of_that_group(suites, group):
    """Except for the noisy valley and the mean of noise 0, every problem declares the group of its suite."""
    catalog = load_catalog()
    declared = {
        selector: catalog.problem(*parse_selector(selector)).group for selector in suites[group]["problems"]
    }
    assert {selector for selector, name in declared.items() if name != group} <= {
        "rosenbrock[gradient_noise=10]"
    }


def test_the_classic_suite_is_cheap_and_needs_no_data(suites):
    """No problem trains a network of torch, and all groups but `networks` occur."""
    catalog = load_catalog()
    problems = [catalog.problem(*parse_selector(selector)) for selector in suites["classic"]["problems"]]
    assert {problem.group for problem in problems} == {"geometry", "noise", "tails", "spectrum", "accuracy"}
    assert not any(problem.per_trial or hasattr(problem, "data_name") for problem in problems)


def test_modern_optimizers_run_on_problems_of_all_groups(suites):
    """A dozen of all families but quasi-Newton; the plan has a row for each."""
    catalog = load_catalog()
    plan = make_plan(catalog, Request(**suites["modern"]))
    assert {problem.group for problem in plan.problems} == {
        "geometry",
        "noise",
        "tails",
        "spectrum",
        "networks",
        "accuracy",
    }
    assert [entrant.label for entrant in plan.entrants] == suites["modern"]["optimizers"]
    assert len(plan.entrants) == 12
    families = {catalog.optimizer(entrant.name).family for entrant in plan.entrants}
    assert families == {"first-order", "adaptive", "sign", "averaging", "matrix"}
    assert not any(problem.reference_fault or problem.fault for problem in plan.problems)


def test_schedules_are_compared_with_the_same_warm_up(suites):
    """Each of three optimizers has one row under each of the five schedules."""
    plan = make_plan(load_catalog(), Request(**suites["schedules"]))
    names = ("constant", "linear", "cosine", "wsd", "inverse-sqrt")
    rows = {(name, rule) for name in names for rule in ("sgd", "adam", "muon")}
    assert {tuple(entrant.name.rstrip(")").split("(")) for entrant in plan.entrants} == rows
    assert len(plan.entrants) == 15
    for entrant in plan.entrants:
        schedule = entrant.name.partition("(")[0].replace("-", "_")
        assert entrant.hyperparameters[f"{schedule}_warmup"] == 0.05
        assert entrant.tunable


def test_every_suite_of_the_course_can_be_planned_and_has_a_figure():
    """Every suite of the course is drawn by a figure; a full suite replaces the one named before its ending."""
    catalog = load_catalog()
    suites = {name for name in catalog.names("suites") if name.startswith("course-")}
    with_figures = {
        suite
        for name in catalog.names("figures")
        for suite in catalog.entry("figures", name).implementation.suites
    }
    assert {name.removesuffix(FULL) for name in suites} == with_figures
    for name in suites:
        assert plan_of(catalog, name, full=False).tracks == ("default",)


@pytest.mark.slow
def test_the_functions_of_every_figure_can_be_imported():
    """Figures name their functions as text, so a misspelling would only fail when the course runs."""
    catalog = load_catalog()
    for name in catalog.names("figures"):
        figure = catalog.entry("figures", name).implementation
        assert all(callable(function_of(named)) for named in (figure.draw, figure.measure) if named)


def test_the_source_is_named(problem):
    """The docstring of every problem names its source."""
    assert "Source: " in type(problem).__doc__


def test_every_parameter_is_named_in_the_docstring(problem):
    """The docstring documents every field."""
    assert [field.name for field in fields(problem) if f"`{field.name}`" not in type(problem).__doc__] == []


def test_the_gradient_equals_central_differences(problem, data_of, generator, points):
    """On a draw, in float64: with h = 1e-5 the truncation error is of order h² and the rounding error 1e-16 loss/h."""
    data = data_of(problem)
    draws = problem.make_draws(generator(), 1)
    draw = None if draws is None else draws[0]
    theta = points(problem, 1)[0]
    steps = 1e-5 * torch.eye(problem.layout.dimension, dtype=torch.float64)

    def loss(point):
        return problem.loss(point, data, draw)

    numeric = torch.stack([(loss(theta + step) - loss(theta - step)) / 2e-5 for step in steps])
    rounding = 1e-10 * loss(theta).abs().item()
    torch.testing.assert_close(gradient_of(loss, theta), numeric, rtol=1e-6, atol=1e-7 + rounding)


def test_a_lane_equals_a_single_trial(problem, data_of, lanes_of, generator, points):
    """Loss, objective, optimum and metrics of two seeds × three settings equal those of single calls."""
    seeds = (3, 4)
    theta = points(problem, 6).unflatten(0, (2, 3))
    data, draw = lanes_of(problem, seeds)
    optimum = problem.optimum(data).expand(2, 1)
    for row, seed in enumerate(seeds):
        seed_data, draws = data_of(problem, seed), problem.make_draws(generator(seed), 1)
        first_draw = None if draws is None else draws[0]
        torch.testing.assert_close(optimum[row, 0], problem.optimum(seed_data), rtol=1e-12, atol=1e-12)
        for column in range(3):
            lane = (row, column)
            pairs = [
                (problem.loss(theta, data, draw)[lane], problem.loss(theta[lane], seed_data, first_draw)),
                (problem.objective(theta, data)[lane], problem.objective(theta[lane], seed_data)),
                *(
                    (metric(theta, data)[lane], metric(theta[lane], seed_data))
                    for metric in problem.metrics.values()
                ),
            ]
            for batched, single in pairs:
                assert single.shape == ()
                torch.testing.assert_close(batched, single, rtol=1e-12, atol=1e-12)


def test_the_loss_is_the_same_under_vmap(problem, lanes_of, points):
    """`torch.func.vmap` over the settings changes nothing."""
    theta = points(problem, 6).unflatten(0, (2, 3))
    data, draw = lanes_of(problem, (3, 4))
    plain = problem.loss(theta, data, draw)
    mapped = torch.func.vmap(lambda column: problem.loss(column[:, None], data, draw)[:, 0], 1, 1)(theta)
    torch.testing.assert_close(mapped, plain, rtol=1e-12, atol=1e-12)


def test_no_point_lies_below_the_optimum(problem, data_of, points):
    """The objective at 500 random points is at least the optimum."""
    data = data_of(problem)
    assert (problem.objective(points(problem, 500), data) >= problem.optimum(data)).all()


def test_the_minimizer_attains_the_optimum(solved_problem, data_of):
    """For the problems with a known minimizer."""
    data = data_of(solved_problem)
    minimizer = solved_problem.minimizer(data)
    assert minimizer.shape == (solved_problem.layout.dimension,)
    torch.testing.assert_close(
        solved_problem.objective(minimizer, data), solved_problem.optimum(data), rtol=1e-12, atol=1e-14
    )


def test_the_gradient_vanishes_at_the_minimizer(solved_problem, data_of):
    """Up to rounding, with coefficients of size 100."""
    data = data_of(solved_problem)
    minimizer = solved_problem.minimizer(data)
    gradient = gradient_of(lambda theta: solved_problem.objective(theta, data), minimizer)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)


def test_equal_generators_draw_equal_instances(problem, generator):
    """Start, data and draws depend only on the generator."""
    for make in (problem.make_start, problem.make_data, lambda generator: problem.make_draws(generator, 5)):
        first, second = make(generator(8)), make(generator(8))
        for pair in zip(leaves(first), leaves(second), strict=True):
            assert torch.equal(*pair)


def test_shared_data_is_the_same_at_every_call(problem):
    """Shared data has a fixed seed, or draws nothing."""
    first, second = leaves(problem.shared_data()), leaves(problem.shared_data())
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_starts_and_data_are_float64_and_finite(problem, data_of, generator):
    """The engine converts them to the dtype of the run."""
    start = problem.make_start(generator())
    assert start.shape == (problem.layout.dimension,)
    for leaf in (start, *leaves(data_of(problem))):
        assert leaf.dtype == torch.float64
        assert leaf.isfinite().all()


def test_the_draws_begin_with_the_steps(problem, generator):
    """The first dimension of the draws counts the steps."""
    draws = problem.make_draws(generator(), 7)
    assert draws is None or len(draws) == 7


def test_there_are_eight_decreasing_targets(problem):
    """Rule 4 of the protocol; the success target is not below the last of them."""
    assert len(problem.targets) == 8
    assert sorted(problem.targets, reverse=True) == list(problem.targets)
    assert problem.targets[-1] <= problem.success_target


def test_the_global_generator_is_not_used(problem, generator):
    """All randomness comes from the generator arguments."""
    before = torch.get_rng_state()
    problem.make_start(generator())
    problem.make_data(generator())
    problem.make_draws(generator(), 3)
    problem.shared_data()
    assert torch.equal(before, torch.get_rng_state())


def leaves(data):
    """List the tensors in data or draws."""
    if data is None:
        return []
    return list(data) if isinstance(data, tuple) else [data]


@pytest.mark.slow
def test_without_scikit_learn_only_the_problems_of_its_data_are_missing(run_benchbed, tmp_path):
    """They are listed, and their errors name the extra that installs it."""
    package = tmp_path / "blocked" / "sklearn.py"
    package.parent.mkdir()
    package.write_text("raise ModuleNotFoundError('no scikit-learn', name='sklearn')")

    def run(*arguments):
        return run_benchbed(tmp_path, *arguments, PYTHONPATH=package.parent)

    listed = run("list", "problems")
    assert (listed.returncode, listed.stderr) == (0, "")
    reason = "scikit-learn, which is not installed; pip install 'benchbed[data]'"
    after_digits_mlp = listed.stdout.partition("  digits-mlp  ")[2].splitlines()
    assert after_digits_mlp[2] == f"      cannot be used: the digits data comes with {reason}"
    assert listed.stdout.count("cannot be used") == 1
    suite = run("run", "networks")
    assert suite.returncode == 2
    assert suite.stderr == f"error: digits-mlp cannot be used: the digits data comes with {reason}\n"
    study = run("run", "-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "5", "--seeds", "1")
    assert study.returncode == 0, study.stderr


def test_the_facts_of_all_problems_are_valid_and_read_only_when_needed():
    """Layouts of networks need data, which not every process should read."""
    script = """
import sys
from benchbed.catalog.loading import load_catalog
from benchbed.catalog.validation import check_facts
catalog = load_catalog([])
assert "sklearn" not in sys.modules
for name in catalog.names("problems"):
    check_facts(catalog.problem(name, {}))
"""
    subprocess.run([sys.executable, "-c", script], check=True)
