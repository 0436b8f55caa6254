"""Tests of the adapter for torch.optim: same steps as in a training loop, and each further evaluation is counted."""

import functools

import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.torch_references import modules_of
from benchbed.engine.oracle import CountingOracle
from benchbed.errors import UsageError
from benchbed.gradients import reverse

THIRD_PARTY = """
class Perturbed(torch.optim.Optimizer):
    "Evaluate again at another point, as SAM does; written without torch.no_grad."
    def __init__(self, params, lr, radius=0.05, momentum=0, betas=(0.9, 0.99), hook=print, mode=None):
        super().__init__(params, dict(lr=lr, radius=radius))
    def step(self, closure):
        group = self.param_groups[0]
        (p,) = group["params"]
        before = p.data.clone()
        p.data.add_(p.grad, alpha=group["radius"])
        loss = closure()
        p.data.copy_(before).add_(p.grad, alpha=-group["lr"])
        return loss

class Demanding(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, *, rank):
        super().__init__(params, {})

class OfModule(torch.optim.Optimizer):
    def __init__(self, model: torch.nn.Module, lr=0.1):
        super().__init__(model.parameters(), {})
"""


def curved(theta):
    """Return the Rosenbrock function."""
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


def oracle_at(theta):
    """Return an oracle at one point, which counts evaluations at others."""
    evaluate = functools.partial(reverse, curved)
    zero = torch.zeros(1).clone
    return CountingOracle(evaluate, *evaluate(theta), compute_progress=zero, compute_step=zero)


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(environ={})


def run_adapted(catalog, name, settings, steps):
    """Run steps as the engine does, without gradients and with one oracle a step; return points, calls and state."""
    optimizer = catalog.entry("optimizers", name).implementation(**catalog.hyperparameters(name, settings))
    points, further = [], 0
    with torch.no_grad():
        theta = torch.tensor([-1.2, 1.0, 0.5], dtype=torch.float64)
        state = optimizer.init(theta)
        for _ in range(steps):
            oracle = oracle_at(theta)
            theta_copy, gradient_copy = theta.clone(), oracle.gradient.clone()
            theta_before, (theta, state) = theta, optimizer.update(oracle, state, theta)
            assert torch.equal(theta_before, theta_copy)
            assert torch.equal(oracle.gradient, gradient_copy)
            points.append(theta)
            further += oracle.further_calls
    return points, further, state


def run_plain(optimizer_class, settings, steps):
    """Run steps as the documentation of torch does."""
    parameter = torch.nn.Parameter(torch.tensor([-1.2, 1.0, 0.5], dtype=torch.float64))
    optimizer = optimizer_class([parameter], **settings)
    points = []

    def closure():
        optimizer.zero_grad()
        loss = curved(parameter)
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
        points.append(parameter.detach().clone())
    return points, optimizer.state[parameter]


CASES = {
    "SGD": ({"lr": 1e-3, "momentum": 0.9, "nesterov": True}, 0),
    "NAdam": ({"lr": 0.01, "betas": (0.8, 0.99)}, 0),
    "AdamW": ({}, 0),
    "LBFGS": ({"lr": 1.0, "max_iter": 5}, None),
    "Rprop": ({"lr": 0.02}, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_a_class_equals_itself_in_a_plain_loop(name, catalog):
    """To the bit at every step; rules that call the closure once cost no further call."""
    settings, expected_calls = CASES[name]
    ours = {key.replace("lr", "learning_rate"): value for key, value in settings.items()}
    adapted, further, _ = run_adapted(catalog, f"torch.optim:{name}", ours, 20)
    plain, _ = run_plain(getattr(torch.optim, name), settings, 20)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(adapted, plain, strict=True))
    # These classes call the closure once a step, at a point that is already counted.
    assert expected_calls is None or further == expected_calls


@pytest.mark.parametrize("search", ["none", "strong_wolfe"])
def test_every_evaluation_of_lbfgs_is_counted(search, catalog):
    """The steps and the further calls add up to the evaluations that torch counts."""
    steps = 4
    _, further, state = run_adapted(
        catalog, "torch.optim:LBFGS", {"line_search_fn": search, "max_iter": 4}, steps
    )
    assert steps + further == state.optimizers[0].state[state.blocks[0]]["func_evals"]


def test_an_evaluation_elsewhere_costs_a_call(catalog, install):
    """The first closure is free only at the point of the step."""
    install("third-party-package", {"third_party_module": THIRD_PARTY}, {})
    points, further, _ = run_adapted(catalog, "third_party_module:Perturbed", {"learning_rate": 1e-3}, 3)
    assert further == 3
    assert all(point.isfinite().all() for point in points)


def test_a_signature_without_annotations_is_read(catalog, install):
    """A required lr gets a default, 0 accepts any number, and a function keeps its default."""
    install("third-party-package", {"third_party_module": THIRD_PARTY}, {})
    name = "third_party_module:Perturbed"
    defaults = catalog.hyperparameters(name, {})
    assert defaults == {
        "learning_rate": 1e-3, "radius": 0.05, "momentum": 0, "betas": (0.9, 0.99), "mode": None, "others": None,
    }  # fmt: skip
    assert catalog.hyperparameters(name, {"momentum": 0.5, "mode": "x", "betas": [1, 2]})["momentum"] == 0.5


def test_parameters_of_a_class_are_read(catalog):
    """`lr` is renamed; floats are hyperparameters, the others static."""
    parameters = catalog.parameters("torch.optim:NAdam")
    numbers = {name for name, parameter in parameters.items() if not parameter.static}
    assert numbers == {"learning_rate", "eps", "weight_decay", "momentum_decay"}
    assert parameters["learning_rate"].domain is not None
    assert parameters["foreach"].default is None
    assert "params" not in parameters


def test_an_entry_of_a_class_keeps_its_name(catalog):
    """Its source is the file that defines the class, and the optimizer is stateful."""
    entry = catalog.entry("optimizers", "torch.optim:NAdam")
    assert (entry.name, entry.distribution, entry.version) == (
        "torch.optim:NAdam",
        "torch",
        torch.__version__,
    )
    assert entry.summary == "Implements NAdam algorithm."
    assert entry.source != catalog.entry("optimizers", "torch.optim:SGD").source
    assert catalog.optimizer("torch.optim:NAdam").implementation().stateful
    assert "torch.optim:NAdam" not in catalog.names("optimizers")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch.optim:Nadam", "Nadam does not exist in torch.optim; did you mean 'NAdam'?"),
        ("torch.optim:Optimizer", "Optimizer is not a torch.optim.Optimizer in torch.optim"),
        ("os:system", "system is not a torch.optim.Optimizer in os"),
        ("torch.optimm:SGD", "importing torch.optimm raised ModuleNotFoundError"),
        ("torch.optim:", "write it as module:Class"),
        ("../x:y", "write it as module:Class"),
        ("third_party_module:Demanding", "its parameter 'rank' has no default; write [rank=…]"),
        ("third_party_module:OfModule", "its parameter 'model' takes a module"),
    ],
)
def test_a_class_that_cannot_be_used_is_rejected(name, expected, catalog, install):
    """The error has the reason and a remedy."""
    install("third-party-package", {"third_party_module": THIRD_PARTY}, {})
    with pytest.raises(UsageError) as raised:
        catalog.hyperparameters(name, {})
    assert expected in str(raised.value)


def test_a_module_that_exits_is_an_error(catalog, install):
    """sys.exit in a third-party module does not end the run."""
    install("exit-package", {"exit_module": "import sys; sys.exit(0)"}, {})
    with pytest.raises(UsageError, match="SystemExit"):
        catalog.entry("optimizers", "exit_module:Any")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"learning_rate": -1.0}, "learning_rate is -1.0; it must be a finite number of at least 0"),
        ({"momentum": -1.0}, "torch.optim:SGD: Invalid momentum value: -1.0"),
        ({"nesterov": "yes"}, "nesterov is 'yes'; it must be true or false"),
        ({"lr": 0.1}, "has no parameter 'lr'; did you mean 'learning_rate'?"),
        ({"foreach": "no"}, "foreach is 'no'; it must be true or false or none"),
    ],
)
def test_a_class_rejects_settings_before_any_trial(parameters, expected, catalog):
    """By its type, or by the ValueError of the class."""
    with pytest.raises(UsageError) as raised:
        catalog.hyperparameters("torch.optim:SGD", parameters)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("cosine(clip(mine:Rule))", {}, ["mine"]),
        ("cosine(adam)", {}, []),
        ("sgd", {"learning_rate": 0.1}, []),
        ("torch.optim:Adam", {}, ["torch.optim"]),
        ("own.py:Mine", {"others": "a.b:C[base=d:E]"}, ["own.py", "a.b", "d"]),
        ("sgd", {"base": ["e:F", "torch.optim:SGD"]}, ["e", "torch.optim"]),
    ],
)
def test_every_module_of_a_selector_is_listed(name, parameters, expected):
    """Also those of nested classes: a suite from somebody else must not import them unasked."""
    assert modules_of(name, parameters) == expected
