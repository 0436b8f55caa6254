"""A torch.optim.Optimizer class behaves as in a training loop, and every further evaluation is counted."""

import pytest
import torch

from benchbed.catalog import load_catalog
from benchbed.errors import UsageError

STRANGERS = """
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
"""


def curved(theta):
    """The Rosenbrock function: an optimizer has something to do on it."""
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


class CurvedOracle:
    """Answer at one point, and count what is asked beyond it."""

    def __init__(self, theta):
        self.further_calls = 0
        self.loss, self.gradient = self._evaluate(theta)

    def at(self, point, where=None):
        self.further_calls += 1
        return self._evaluate(point)

    def _evaluate(self, point):
        with torch.enable_grad():
            point = point.detach().clone().requires_grad_()
            loss = curved(point)
            (gradient,) = torch.autograd.grad(loss, point)
        return loss.detach(), gradient


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(environ={})


def run_adapted(catalog, name, settings, steps):
    """Step as the engine does: without gradients, one oracle a step; give points, further calls and state."""
    optimizer = catalog.entry("optimizers", name).implementation(**catalog.hyperparameters(name, settings))
    points, further = [], 0
    with torch.no_grad():
        theta = torch.tensor([-1.2, 1.0, 0.5], dtype=torch.float64)
        state = optimizer.init(theta)
        for _ in range(steps):
            oracle = CurvedOracle(theta)
            given = theta.clone(), oracle.gradient.clone()
            theta_before, (theta, state) = theta, optimizer.update(oracle, state, theta)
            assert torch.equal(theta_before, given[0])
            assert torch.equal(oracle.gradient, given[1])
            points.append(theta)
            further += oracle.further_calls
    return points, further, state


def run_plain(optimizer_class, settings, steps):
    """Step as the documentation of torch does."""
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
    """To the bit, at every step; rules without a closure ask nothing more of the oracle."""
    settings, expected_calls = CASES[name]
    ours = {key.replace("lr", "learning_rate"): value for key, value in settings.items()}
    adapted, further, _ = run_adapted(catalog, f"torch.optim:{name}", ours, 20)
    plain, _ = run_plain(getattr(torch.optim, name), settings, 20)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(adapted, plain, strict=True))
    # These step once a closure, so torch calls it once a step, at the point that is paid for.
    assert expected_calls is None or further == expected_calls


@pytest.mark.parametrize("search", ["none", "strong_wolfe"])
def test_every_evaluation_of_lbfgs_is_counted(search, catalog):
    """Calls are the steps' own and the further ones: as many as torch says it has evaluated."""
    steps = 4
    _, further, state = run_adapted(
        catalog, "torch.optim:LBFGS", {"line_search_fn": search, "max_iter": 4}, steps
    )
    assert steps + further == state.optimizer.state[state.parameter]["func_evals"]


def test_an_evaluation_elsewhere_costs_a_call(catalog, install):
    """The first closure of a rule that has moved already is not the one that is paid for."""
    install("strange-package", {"strange_module": STRANGERS}, {})
    points, further, _ = run_adapted(catalog, "strange_module:Perturbed", {"learning_rate": 1e-3}, 3)
    assert further == 3
    assert all(point.isfinite().all() for point in points)


def test_a_signature_without_annotations_is_read(catalog, install):
    """A required lr has a default, 0 takes any number, and what no selector can say keeps its default."""
    install("strange-package", {"strange_module": STRANGERS}, {})
    name = "strange_module:Perturbed"
    defaults = catalog.hyperparameters(name, {})
    assert defaults == {
        "learning_rate": 1e-3, "radius": 0.05, "momentum": 0, "betas": (0.9, 0.99), "mode": None,
    }  # fmt: skip
    assert catalog.hyperparameters(name, {"momentum": 0.5, "mode": "x", "betas": [1, 2]})["momentum"] == 0.5


def test_parameters_of_a_class_are_its_own(catalog):
    """`lr` is called as everyone's; numbers are hyperparameters, the others static."""
    parameters = catalog.parameters("torch.optim:NAdam")
    numbers = {name for name, parameter in parameters.items() if not parameter.static}
    assert numbers == {"learning_rate", "eps", "weight_decay", "momentum_decay"}
    assert parameters["learning_rate"].domain is not None
    assert parameters["foreach"].default is False
    assert "params" not in parameters


def test_an_entry_of_a_class_keeps_its_name(catalog):
    """Its source is the file that defines the class, and it counts as stateful."""
    entry = catalog.entry("optimizers", "torch.optim:NAdam")
    assert (entry.name, entry.distribution, entry.version) == (
        "torch.optim:NAdam",
        "torch",
        torch.__version__,
    )
    assert entry.summary == "Implements NAdam algorithm."
    assert entry.source != catalog.entry("optimizers", "torch.optim:SGD").source
    assert catalog.default_optimizer("torch.optim:NAdam").stateful
    assert "torch.optim:NAdam" not in catalog.names("optimizers")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch.optim:Nadam", "no such class of that module; did you mean 'NAdam'?"),
        ("torch.optim:Optimizer", "no torch.optim.Optimizer of that module"),
        ("os:system", "system is no torch.optim.Optimizer of that module"),
        ("torch.optimm:SGD", "importing torch.optimm raised ModuleNotFoundError"),
        ("torch.optim:Muon", "Muon only supports 2D parameters"),
        ("torch.optim:", "write it as module:Class"),
        ("../x:y", "write it as module:Class"),
        ("strange_module:Demanding", "its parameter 'rank' has no default"),
    ],
)
def test_what_is_no_usable_class_is_refused(name, expected, catalog, install):
    """With the reason and a way out."""
    install("strange-package", {"strange_module": STRANGERS}, {})
    with pytest.raises(UsageError) as raised:
        catalog.entry("optimizers", name)
    assert expected in str(raised.value)


def test_a_module_that_exits_ends_nothing(catalog, install):
    """sys.exit in a foreign module is its mistake, not the end of the run."""
    install("exit-package", {"exit_module": "import sys; sys.exit(0)"}, {})
    with pytest.raises(UsageError, match="SystemExit"):
        catalog.entry("optimizers", "exit_module:Any")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"learning_rate": -1.0}, "learning_rate is -1.0; it must be a finite number of at least 0"),
        ({"momentum": -1.0}, "torch.optim:SGD: Invalid momentum value: -1.0"),
        ({"nesterov": "yes"}, "nesterov is 'yes'; it must be true or false"),
        ({"lr": 0.1}, "has no parameter 'lr'; did you mean 'learning_rate'?"),
        ({"foreach": "no"}, "foreach is 'no'; it must be true or false or none"),
    ],
)
def test_a_class_refuses_settings_before_any_trial(given, expected, catalog):
    """By its own words, where the types cannot tell."""
    with pytest.raises(UsageError) as raised:
        catalog.hyperparameters("torch.optim:SGD", given)
    assert expected in str(raised.value)
