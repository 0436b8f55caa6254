"""Torch classes with groups, bases and closures, as selectors name them, equal a training loop on the module."""

import importlib.util
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from benchbed.catalog.loading import load_catalog
from benchbed.engine.sampling import Instances
from benchbed.interfaces import ModuleProblem
from benchbed.plan.selectors import parse_selector
from benchbed.seeds import InstanceSeed

STEPS = 12
WRAPPERS = """
import torch


class SAM(torch.optim.Optimizer):
    '''Foret et al. 2021: the base steps with the gradient at the point uphill.'''

    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def step(self, closure):
        closure = torch.enable_grad()(closure)
        blocks = [block for group in self.param_groups for block in group["params"]]
        norm = torch.stack([block.grad.norm() for block in blocks]).norm()
        before = [block.clone() for block in blocks]
        for block in blocks:
            block.add_(block.grad * (0.05 / norm))
        self.zero_grad()
        closure()
        for block, point in zip(blocks, before):
            block.data = point
        self.base_optimizer.step()


class Lookahead(torch.optim.Optimizer):
    '''Zhang et al. 2019: every k steps of the base, slow weights go half of the way.'''

    def __init__(self, optimizer, k=5):
        self.optimizer, self.k, self.count = optimizer, k, 0
        self.param_groups = optimizer.param_groups
        self.slow = [block.detach().clone() for group in self.param_groups for block in group["params"]]

    @torch.no_grad()
    def step(self, closure=None):
        loss = self.optimizer.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            blocks = [block for group in self.param_groups for block in group["params"]]
            for block, slow in zip(blocks, self.slow):
                slow.add_(block - slow, alpha=0.5)
                block.copy_(slow)
        return loss


class Curvature(torch.optim.Optimizer):
    '''Divide by the diagonal of the Hessian, by differentiating the gradient.'''

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        blocks = self.param_groups[0]["params"]
        torch.autograd.grad([block.grad for block in blocks], blocks, [block.grad for block in blocks])
"""


@dataclass(frozen=True)
class Classes(ModuleProblem):
    """Classify random vectors with one hidden layer."""

    batch_size: int = 8

    def make_network(self):
        return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))

    def make_data(self):
        return (torch.randn(30, 4, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 3), None

    def loss_of(self, outputs, targets):
        return nn.functional.cross_entropy(outputs, targets)


@pytest.fixture(scope="module")
def wrappers(tmp_path_factory):
    """Write the classes into a file; return its path and the module."""
    path = tmp_path_factory.mktemp("classes") / "wrappers.py"
    path.write_text(WRAPPERS)
    specification = importlib.util.spec_from_file_location("wrappers_by_hand", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return path, module


def trial(run, text, budget, catalog):
    """Run a trial of a selector in float32."""
    selector, problem = parse_selector(text), Classes()
    factory = catalog.entry("optimizers", selector.name).implementation
    values = catalog.hyperparameters(selector.name, selector.parameters)
    statics = {
        name: values.pop(name)
        for name, parameter in catalog.parameters(selector.name).items()
        if parameter.static
    }
    return run(
        problem, factory, statics=statics | {"layout": problem.layout}, budget=budget, targets=(), scale=None,
        dtype="float32", **{name: [value] for name, value in values.items()},
    )  # fmt: skip


def by_hand(build):
    """Train the module with the optimizers of `build(network)`, the first with a closure."""
    problem = Classes()
    instances = Instances(problem, [InstanceSeed(0, "classes", "evaluation", 0)], dtype=torch.float32)
    network = problem.make_network()
    nn.utils.vector_to_parameters(instances.start[0].clone(), network.parameters())
    first, *others = build(network)
    inputs, targets = instances.data.training
    for step in range(STEPS):
        positions = instances.draws.at(step).positions[0, 0]

        def closure(positions=positions):
            network.zero_grad()
            loss = problem.loss_of(network(inputs[positions]), targets[positions])
            loss.backward()
            return loss

        closure()
        first.step(closure)
        for optimizer in others:
            optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach().double().numpy()


def muon(network, classes):
    blocks = list(network.parameters())
    matrices, vectors = (
        [block for block in blocks if (block.ndim == 2) is is_matrix] for is_matrix in (True, False)
    )
    return torch.optim.Muon(matrices, lr=0.02), torch.optim.AdamW(vectors, lr=0.01)


def sam(network, classes):
    return (classes.SAM(network.parameters(), torch.optim.SGD, lr=0.2, momentum=0.9),)


def lookahead(network, classes):
    return (classes.Lookahead(torch.optim.Adam(network.parameters(), lr=0.05), k=4),)


@pytest.mark.parametrize(
    ("selector", "build", "calls"),
    [
        ("torch.optim:Muon[learning_rate=0.02, others=torch.optim:AdamW[learning_rate=0.01]]", muon, 1),
        ("{}:SAM[learning_rate=0.2, base=torch.optim:SGD[momentum=0.9]]", sam, 2),
        ("{}:Lookahead[learning_rate=0.05, k=4, base=torch.optim:Adam]", lookahead, 1),
    ],
    ids=["muon", "sam", "lookahead"],
)
def test_a_selector_equals_a_loop_with_groups_or_a_base(run, wrappers, selector, build, calls):
    """To the bit, with every evaluation at another point counted."""
    path, classes = wrappers
    record = trial(run, selector.format(path), calls * STEPS, load_catalog(environ={}))
    assert record.error is None
    assert (record.steps[0, 0], record.calls[0, 0]) == (STEPS, calls * STEPS)
    expected = by_hand(lambda network: build(network, classes))
    np.testing.assert_array_equal(record.final_theta[0, 0], expected)


def test_a_class_that_differentiates_the_gradient_gets_a_sentence(run, wrappers):
    """Its products with the Hessian would be free."""
    record = trial(run, f"{wrappers[0]}:Curvature", STEPS, load_catalog(environ={}))
    assert "ContractError: its step differentiates the gradient" in record.error
    assert set(record.status.flat) == {"failed"}


def test_an_error_of_a_loss_in_a_closure_is_left_as_it_is(run, wrappers, monkeypatch):
    """It also comes from torch.autograd, but not from the class."""
    assert Classes().layout.dimension == 43  # examines the network, which evaluates the loss too
    evaluations = []

    def loss_of(self, outputs, targets):
        loss = nn.functional.cross_entropy(outputs, targets)
        if outputs.requires_grad and len(outputs) == self.batch_size:
            evaluations.append(loss)
        return loss.detach() if len(evaluations) == 2 else loss

    monkeypatch.setattr(Classes, "loss_of", loss_of)
    record = trial(run, f"{wrappers[0]}:SAM[base=torch.optim:SGD]", STEPS, load_catalog(environ={}))
    assert "RuntimeError: element 0 of tensors does not require grad" in record.error.splitlines()[-1]
