"""What holds for all problems, and the suites made of them."""

import tomllib
from dataclasses import fields

import torch

import benchbed_problems
from benchbed.catalog import load_catalog
from benchbed.interfaces.figure import function_of
from benchbed.study.drawing import plan_of
from benchbed.study.figures import FULL


def gradient_of(function, theta):
    """Differentiate by autograd, lane by lane."""
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(function(theta).sum(), theta)[0]


def test_all_are_registered_by_class_the_simplest_first():
    """Their names are made from these; `benchbed list` and the documents keep the order."""
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
    ]


def test_a_suite_bears_the_name_of_each_preset():
    """`quick`, `standard` and `full`: same problems, same optimizers, both tracks."""
    paths = []
    benchbed_problems.register_suites(paths.append)
    suites = [tomllib.loads(path.read_text()) for path in paths]
    assert [suite["name"] for suite in suites] == [path.stem for path in paths]
    assert [path.stem for path in paths[:3]] == ["quick", "standard", "full"]
    for suite in suites[:3]:
        assert suite == suites[0] | {"name": suite["name"], "preset": suite["name"]}


def test_every_suite_of_the_course_can_be_planned_and_has_a_figure():
    """What is never drawn would be run for nothing; a full form stands in for the suite before its ending."""
    catalog = load_catalog()
    suites = {name for name in catalog.names("suites") if name.startswith("course-")}
    drawn = {
        suite
        for name in catalog.names("figures")
        for suite in catalog.entry("figures", name).implementation.suites
    }
    assert {name.removesuffix(FULL) for name in suites} == drawn
    for name in suites:
        assert plan_of(catalog, name, full=False).tracks == ("default",)


def test_the_functions_of_every_figure_can_be_imported():
    """They are only named, so a misspelling would show when a course is run."""
    catalog = load_catalog()
    for name in catalog.names("figures"):
        figure = catalog.entry("figures", name).implementation
        assert all(callable(function_of(named)) for named in (figure.draw, figure.measure) if named)


def test_the_source_is_named(problem):
    """Every problem says where it comes from."""
    assert "Source: " in type(problem).__doc__


def test_every_parameter_is_named_in_the_docstring(problem):
    """There it is documented, once."""
    assert [field.name for field in fields(problem) if f"`{field.name}`" not in type(problem).__doc__] == []


def test_the_gradient_is_that_of_central_differences(problem, data_of, generator, points):
    """On a draw, in float64: with h = 1e-5 the truncation is of order h² and the rounding 1e-16/h."""
    data = data_of(problem)
    draws = problem.make_draws(generator(), 1)
    draw = None if draws is None else draws[0]
    theta = points(problem, 1)[0]
    steps = 1e-5 * torch.eye(problem.layout.dimension, dtype=torch.float64)

    def loss(point):
        return problem.loss(point, data, draw)

    numeric = torch.stack([(loss(theta + step) - loss(theta - step)) / 2e-5 for step in steps])
    torch.testing.assert_close(gradient_of(loss, theta), numeric, rtol=1e-6, atol=1e-7)


def test_a_lane_is_the_trial_alone(problem, data_of, lanes_of, generator, points):
    """Loss, objective, optimum and metrics of two seeds × three settings, each against its own call."""
    seeds = (3, 4)
    theta = points(problem, 6).unflatten(0, (2, 3))
    data, draw = lanes_of(problem, seeds)
    optimum = problem.optimum(data).expand(2, 1)
    for row, seed in enumerate(seeds):
        own, draws = data_of(problem, seed), problem.make_draws(generator(seed), 1)
        one_draw = None if draws is None else draws[0]
        torch.testing.assert_close(optimum[row, 0], problem.optimum(own), rtol=1e-12, atol=1e-12)
        for column in range(3):
            lane = (row, column)
            pairs = [
                (problem.loss(theta, data, draw)[lane], problem.loss(theta[lane], own, one_draw)),
                (problem.objective(theta, data)[lane], problem.objective(theta[lane], own)),
                *(
                    (metric(theta, data)[lane], metric(theta[lane], own))
                    for metric in problem.metrics.values()
                ),
            ]
            for batched, single in pairs:
                assert single.shape == ()
                torch.testing.assert_close(batched, single, rtol=1e-12, atol=1e-12)


def test_the_loss_gives_the_same_under_vmap(problem, lanes_of, points):
    """Tools written for single trials see the same problem."""
    theta = points(problem, 6).unflatten(0, (2, 3))
    data, draw = lanes_of(problem, (3, 4))
    plain = problem.loss(theta, data, draw)
    mapped = torch.func.vmap(lambda column: problem.loss(column[:, None], data, draw)[:, 0], 1, 1)(theta)
    torch.testing.assert_close(mapped, plain, rtol=1e-12, atol=1e-12)


def test_no_point_lies_below_the_optimum(problem, data_of, points):
    """At five hundred random points."""
    data = data_of(problem)
    assert (problem.objective(points(problem, 500), data) >= problem.optimum(data)).all()


def test_the_minimizer_attains_the_optimum(solved_problem, data_of):
    """Where one is known."""
    data = data_of(solved_problem)
    minimizer = solved_problem.minimizer(data)
    assert minimizer.shape == (solved_problem.layout.dimension,)
    torch.testing.assert_close(
        solved_problem.objective(minimizer, data), solved_problem.optimum(data), rtol=1e-12, atol=1e-14
    )


def test_the_gradient_vanishes_at_the_minimizer(solved_problem, data_of):
    """Of the objective, up to rounding in coefficients of size 100."""
    data = data_of(solved_problem)
    minimizer = solved_problem.minimizer(data)
    gradient = gradient_of(lambda theta: solved_problem.objective(theta, data), minimizer)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-12)


def test_the_same_generator_gives_the_same_instance(problem, generator):
    """Start, data and draws are functions of their generators' seeds."""
    for make in (problem.make_start, problem.make_data, lambda generator: problem.make_draws(generator, 5)):
        first, second = make(generator(8)), make(generator(8))
        for one, other in zip(leaves(first), leaves(second), strict=True):
            assert torch.equal(one, other)


def test_shared_data_is_the_same_at_every_call(problem):
    """It has a seed of its own, or none."""
    first, second = leaves(problem.shared_data()), leaves(problem.shared_data())
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_what_is_made_is_float64_and_finite(problem, data_of, generator):
    """The engine, not the problem, turns it into the run's dtype."""
    start = problem.make_start(generator())
    assert start.shape == (problem.layout.dimension,)
    for leaf in (start, *leaves(data_of(problem))):
        assert leaf.dtype == torch.float64
        assert leaf.isfinite().all()


def test_the_draws_begin_with_the_steps(problem, generator):
    """One row a step."""
    draws = problem.make_draws(generator(), 7)
    assert draws is None or len(draws) == 7


def test_the_targets_are_eight_and_fall(problem):
    """Protocol, rule 4; the success target is one of them or lies between them."""
    assert len(problem.targets) == 8
    assert sorted(problem.targets, reverse=True) == list(problem.targets)
    assert problem.targets[-1] <= problem.success_target


def test_asking_for_anything_leaves_the_global_generator_alone(problem, generator):
    """Randomness comes from the generators that are handed in."""
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
