"""Objects as problems and optimizers of a study: their selectors and names, and a study of a script."""

import functools
import json
import pickle
import subprocess
import sys
import threading
from dataclasses import InitVar, dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.errors import UsageError
from benchbed.interfaces import FunctionProblem, Layout, Optimizer, Problem
from benchbed.plan.selectors import parse_selector
from benchbed.study.loading import add_objects
from benchbed.study.selection import ObjectSelector
from benchbed_optimizers.adam import adam
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.transforms.noise import Noisy
from benchbed_problems.transforms.rotation import Rotated

CATALOG = load_catalog(environ={})


class NoState(NamedTuple):
    """A state without tensors."""


def plain_descent(lr=0.1):
    """Gradient descent."""

    def update(oracle, state, theta):
        return theta - lr * oracle.gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)


class Halved(torch.optim.SGD):
    """A class of torch whose learning rate is half of the given one."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr / 2)


@dataclass(frozen=True)
class Bowl(Problem):
    """The sum of squares."""

    steepness: float = 1.0
    start: tuple[float, ...] = (1.0, 2.0)
    layout = Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.tensor(self.start, dtype=torch.float64)

    def objective(self, theta, data):
        return self.steepness * theta.square().sum(-1)


class Distance(Problem):
    """A class with an argument that no selector can contain."""

    layout = Layout({"theta": (3,)})

    def __init__(self, target):
        self.target = target

    def make_start(self, generator):
        return torch.zeros(3, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta - self.target).square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)


@dataclass(frozen=True)
class Shifted(Bowl):
    """A parameter that is not a field."""

    shift: InitVar[float] = 0.0

    def __post_init__(self, shift):
        object.__setattr__(self, "square", shift**2)

    def objective(self, theta, data):
        return theta.sum(-1) + self.square


class Initialized(Bowl):
    """Another signature than that of the fields, which it inherits."""

    def __init__(self, square=0.0):
        super().__init__()
        object.__setattr__(self, "square", square)

    objective = Shifted.objective


@dataclass(frozen=True, slots=True)
class Slotted(Bowl):
    """A field that no selector describes, in a slot."""

    square: object = None

    objective = Shifted.objective


@pytest.fixture
def selector(tmp_path):
    return ObjectSelector(CATALOG, tmp_path)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("adam[beta1=0.5]", "adam[beta1=0.5]"),
        (adam, "adam"),
        (functools.partial(adam, beta1=0.5), "adam[beta1=0.5]"),
        (
            functools.partial(adam, beta1=np.float64(0.1), beta2=torch.tensor(0.5)),
            "adam[beta1=0.1, beta2=0.5]",
        ),
        (functools.partial(adam, beta1=np.float32(0.5), beta2=np.array(0.5)), "adam[beta1=0.5, beta2=0.5]"),
        (torch.optim.NAdam, "torch.optim:NAdam"),
        (
            functools.partial(torch.optim.Adam, lr=0.1, betas=(0.8, 0.9)),
            "torch.optim:Adam[learning_rate=0.1, betas=[0.8, 0.9]]",
        ),
    ],
)
def test_what_a_selector_can_say_needs_no_file(choice, expected, selector):
    """Its trials are those of the selector."""
    assert selector.optimizers([choice]) == [expected]
    assert selector.files == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Rotated(Quadratic(), seed=1), "rotated(quadratic)[rotated_seed=1]"),
        (Noisy(Rotated(Quadratic(dimension=3)), sd=0.5), "noisy(rotated(quadratic))[dimension=3, noisy_sd=0.5]"),
        (("mine", Rotated(Quadratic())), "mine"),
        (Rotated(Bowl(steepness=2.0)), "rotated(bowl)[steepness=2]"),
    ],
)  # fmt: skip
def test_a_transformed_problem_has_its_selector(choice, expected, selector):
    """Around an object, which has a file, too; a name of one's own needs one."""
    assert selector.problems([choice]) == [expected]
    assert len(selector.files) == ("mine" in expected or "bowl" in expected)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (plain_descent, "plain-descent"),
        (plain_descent(0.5), "plain-descent"),
        (functools.partial(plain_descent, lr=0.5), "plain-descent[learning_rate=0.5]"),
        (("half", functools.partial(plain_descent, lr=0.5)), "half[learning_rate=0.5]"),
        (("of-tensor", functools.partial(plain_descent, lr=torch.ones(1))), "of-tensor"),
        (("line", lambda learning_rate=0.1: plain_descent(learning_rate)), "line"),
        (("my-adam", adam), "my-adam"),
    ],
)
def test_other_optimizers_are_named_and_written(choice, expected, selector):
    """By their functions, or as a pair says."""
    assert selector.optimizers([choice, choice]) == [expected] * 2
    assert [file.stem for file in selector.files] == ["optimizer-" + expected.partition("[")[0]]


@pytest.mark.parametrize(
    ("choice", "expected", "files"),
    [
        (Quadratic, "quadratic", 0),
        (Quadratic(condition_number=10.0), "quadratic[condition_number=10]", 0),
        (Bowl, "bowl", 1),
        (Bowl(3.0, (1.0, 1.0)), "bowl[steepness=3, start=[1, 1]]", 1),
        (Bowl(np.float64(0.1), (np.float32(0.5), torch.tensor(2))), "bowl[steepness=0.1, start=[0.5, 2]]", 1),
        (Bowl(torch.ones(1)), "bowl", 1),
        (("mine", Bowl(3.0)), "mine[steepness=3]", 1),
        (Distance(torch.ones(3)), "distance", 1),
        (("far", Distance(torch.full((3,), 9.0))), "far", 1),
        (FunctionProblem(torch.sum, [1.0, 2.0]), "sum", 1),
    ],
)
def test_problems_are_classes_and_instances(choice, expected, files, selector):
    """An instance is its class with the parameters that differ from the defaults, if a selector can say them."""
    assert selector.problems([choice]) == [expected]
    assert len(selector.files) == files


@pytest.mark.parametrize(
    "problem",
    [Shifted(shift=3.0), Initialized(9.0), Slotted(square=torch.tensor(9.0))],
    ids=lambda problem: type(problem).__name__,
)
def test_an_instance_that_no_selector_can_say_keeps_its_values(problem, selector):
    """Also those that are not in fields."""
    assert selector.problems([problem]) == [type(problem).__name__.lower()]
    copied_class = pickle.loads(selector.files[0].read_bytes()).implementation
    assert copied_class().objective(torch.ones(2), None) == 11


@pytest.mark.parametrize(
    ("kind", "choices", "message"),
    [
        (
            "optimizers",
            [lambda rate=0.1: None],
            'the name .<lambda>. is not allowed.*a pair \\("my-optimizer"',
        ),
        ("optimizers", [plain_descent, plain_descent(0.5)], "two optimizers are named 'plain-descent'"),
        (
            "optimizers",
            [functools.wraps(adam)(lambda: None)],
            "'adam' is that of a plugin, and not the object",
        ),
        ("optimizers", [torch.optim.SGD([torch.zeros(1)])], "pass the class, or functools.partial\\(SGD"),
        ("optimizers", [3], "optimizers contain 3; pass a selector, a function"),
        ("optimizers", "adam", "optimizers must be a list, and not 'adam'; put it in brackets"),
        ("optimizers", torch.optim.Adam, "optimizers must be a list"),
        ("optimizers", plain_descent(0.1), "optimizers must be a list"),
        ("problems", Bowl(), "problems must be a list"),
        ("optimizers", [("a", "b", adam)], "write a pair \\(name, object\\)"),
        ("problems", [torch.sum], "pass a selector, a subclass .*FunctionProblem"),
        ("problems", [("BAD", Bowl)], "the name 'BAD' is not allowed"),
        ("problems", [Distance(threading.Lock())], "'distance' cannot be sent .*contains a lock"),
    ],
)
def test_errors_name_the_way_out(kind, choices, message, selector):
    """In one sentence, before anything runs."""
    with pytest.raises(UsageError, match=message) as caught:
        getattr(selector, kind)(choices)
    assert "\n" not in str(caught.value)


def run(output, problems, optimizers, **options):
    return benchbed.run(
        problems=problems, optimizers=optimizers, preset="quick", steps=10, seeds=1, tracks=["default"],
        output=output, executor="serial", **options,
    )  # fmt: skip


def test_a_problem_and_an_optimizer_may_have_one_name(selector):
    """Each is registered from its own file."""
    assert selector.problems([("same", Bowl)]) == selector.optimizers([("same", plain_descent)]) == ["same"]
    catalog = add_objects(CATALOG, selector.files, None, "serial")
    assert catalog.entry("problems", "same").implementation().steepness == 1
    assert "learning_rate" in catalog.parameters("same")


def test_settings_of_one_function_share_it(selector):
    """Each has a row, and its learning rate is fixed, as in a selector."""
    choices = [plain_descent, functools.partial(plain_descent, lr=0.5)]
    assert selector.optimizers(choices) == ["plain-descent", "plain-descent[learning_rate=0.5]"]
    assert len(selector.files) == 1


def without_default(t, lr):
    """Gradient descent with a factor that has no default."""
    return plain_descent(lr * t)


class Scaled(torch.optim.SGD):
    """A class of torch with an argument that has no default."""

    def __init__(self, params, scale, lr=0.1):
        super().__init__(params, lr=scale * lr)


@pytest.mark.parametrize(
    ("function", "name", "values"),
    [(without_default, "without-default", {"t": 3.0, "lr": 0.5}), (Scaled, "scaled", {"scale": 3.0})],
)
def test_a_partial_that_sets_what_has_no_default_is_complete(function, name, values, selector):
    """Its values are in the selector, so that several partials of a function are its settings."""
    partials = [functools.partial(function, **{**values, key: 7.0}) for key in values]
    choices = selector.optimizers([functools.partial(function, **values), *partials])
    assert len(set(choices)) == 1 + len(values)
    assert len(selector.files) == 1
    catalog = add_objects(CATALOG, selector.files, None, "serial")
    for choice, set_values in zip(choices, [values, *({**values, key: 7.0} for key in values)], strict=True):
        selected, settings = parse_selector(choice)
        assert selected == name
        expected = {"learning_rate" if key == "lr" else key: value for key, value in set_values.items()}
        assert catalog.hyperparameters(name, settings).items() >= expected.items()


def test_a_partial_that_leaves_an_argument_without_a_value_is_not_complete(selector):
    """The error names the argument; the function itself is another object than what its partials share."""
    selector.optimizers([functools.partial(without_default, t=3.0)])
    with pytest.raises(UsageError, match="parameter 'learning_rate' has no default"):
        add_objects(CATALOG, selector.files, None, "serial").parameters("without-default")
    with pytest.raises(UsageError, match="two optimizers are named"):
        selector.optimizers([without_default])


@pytest.mark.slow
def test_objects_that_no_selector_can_say_run():
    """A function with its start, an instance with a tensor, and an optimizer: each as a loop by hand."""

    def valley(theta):
        return (theta[0] - 1).square() + 4 * theta[1].square()

    problems = [FunctionProblem(valley, [3.0, 1.0]), Distance(torch.ones(3, dtype=torch.float64))]
    study = run("study", problems, [plain_descent(0.1), ("fast", plain_descent(0.2))])
    assert study.lost == 0
    objectives = study.trials.set_index(["problem", "optimizer"])["final_objective"]
    for name, rate in (("plain-descent", 0.1), ("fast", 0.2)):
        x, y = 2 * (1 - 2 * rate) ** 10, (1 - 8 * rate) ** 10
        assert objectives["valley", name] == pytest.approx(x**2 + 4 * y**2, rel=1e-12)
        assert objectives["distance", name] == pytest.approx(3 * (1 - 2 * rate) ** 20, rel=1e-12)


@pytest.mark.slow
def test_an_invalid_object_is_unusable():
    """The error has the rule that it breaks; `skip_unusable` leaves it out."""

    def no_default(rate):
        return plain_descent(rate)

    with pytest.raises(UsageError, match=r"^optimizer 'no-default': parameter 'rate' has no default"):
        run("study", [Bowl], [no_default])
    study = run("study", [Bowl], [no_default, plain_descent], skip_unusable=True)
    assert "'no-default' is left out" in study.warnings[0]
    assert set(study.trials["optimizer"]) == {"plain-descent"}


SCRIPT = """
import functools, json, sys
import torch
import benchbed
from benchbed.interfaces import FunctionProblem, Optimizer
from helper import descent

FACTOR = 1.0


class Halved(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr / 2)


@functools.cache
def target():
    return torch.ones(2, dtype=torch.float64)


def bowl(theta):
    return (theta - target()).square().sum()


def scaled(lr=0.1):
    return descent(FACTOR * lr)


def run():
    study = benchbed.run(
        problems=[FunctionProblem(bowl, [2.0, 3.0])], optimizers=[scaled, Halved], preset="quick", steps=10, seeds=1,
        tracks=["default"], jobs=2, output="study",
    )
    assert not study.lost, study.losses
    parts = len(list((study.path / "trials").iterdir()))
    return parts, dict(zip(study.trials["optimizer"], study.trials["final_objective"]))


before = run()
FACTOR = 2.0
print(json.dumps([before, run()]))
"""
HELPER = """
from benchbed.interfaces import Optimizer

def descent(learning_rate=0.1):
    return Optimizer(
        init=lambda theta: (), update=lambda oracle, state, theta: (theta - learning_rate * oracle.gradient, state)
    )
"""


@pytest.mark.slow
def test_a_script_runs_its_own_functions_and_classes(tmp_path, make_environment):
    """In worker processes, with the numbers of a loop by hand; only an edited object runs again."""
    (tmp_path / "helper.py").write_text(HELPER)
    (tmp_path / "script.py").write_text(SCRIPT)
    process = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240,
        env=make_environment(PYTHONSAFEPATH=None),  # else the script would not find its helper
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (parts, objectives), (more_parts, changed_objectives) = json.loads(process.stdout)
    rates = {"scaled": 0.8, "halved": 0.9}
    assert objectives == pytest.approx({name: 5 * rate**20 for name, rate in rates.items()}, rel=1e-12)
    assert changed_objectives["scaled"] == pytest.approx(5 * 0.6**20, rel=1e-12)
    assert changed_objectives["halved"] == objectives["halved"]
    assert more_parts == parts + 1
