"""Tests of the factories of torch optimizers: blocks that a class refuses, wrapped classes, and special defaults."""

import math

import pytest
import torch

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.parameters import factory_arguments
from benchbed.catalog.torch_optim import with_nested
from benchbed.errors import UsageError
from benchbed.interfaces import Layout

LAYOUT = Layout({"weight": (3, 2), "bias": (3,)})
MODULE = """
import math

class Needs(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1, *, num_data: int, limit=math.inf, betas=(0.9, 0.99)):
        super().__init__(params, dict(lr=lr, num_data=num_data, limit=limit, betas=betas))

class SAM(torch.optim.Optimizer):
    def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
        super().__init__(params, dict(rho=rho, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups

    @torch.no_grad()
    def step(self, closure=None):
        self.base_optimizer.step()

class Lookahead(torch.optim.Optimizer):
    def __init__(self, optimizer, k=5):
        self.optimizer, self.k, self.param_groups = optimizer, k, optimizer.param_groups

    def step(self, closure=None):
        return self.optimizer.step(closure)

class Flagged(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        params = list(params)
        for group in params:
            if not (isinstance(group, dict) and "use_muon" in group):
                raise ValueError("`use_muon` must be set.")
        super().__init__(params, dict(lr=lr))

class Matrices(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))
"""


@pytest.fixture
def catalog(install):
    install("layers-package", {"layers_module": MODULE}, {})
    return load_catalog(environ={})


def optimizers_of(catalog, name, settings, layout=LAYOUT):
    """Build the optimizer of a selector for a layout, and return its instances of classes with the blocks."""
    factory = catalog.entry("optimizers", name).implementation
    optimizer = factory(**factory_arguments(factory, catalog.hyperparameters(name, settings), layout))
    state = optimizer.init(torch.zeros(layout.dimension, dtype=torch.float64))
    return state.optimizers, dict(zip(layout.blocks, state.blocks, strict=True))


def parameters_in(optimizer):
    return [block for group in optimizer.param_groups for block in group["params"]]


def test_the_blocks_of_the_layout_are_parameters(catalog):
    """With their shapes, in their order."""
    (optimizer,), blocks = optimizers_of(catalog, "torch.optim:Adafactor", {})
    assert [id(block) for block in parameters_in(optimizer)] == [id(block) for block in blocks.values()]
    assert blocks["weight"].shape == (3, 2)


def test_refused_blocks_go_to_the_others(catalog):
    """Muon takes the matrix, AdamW the rest, each with its own settings."""
    settings = {"learning_rate": 0.02, "others": "torch.optim:AdamW[learning_rate=0.5, betas=(0.8, 0.9)]"}
    (muon, adamw), blocks = optimizers_of(catalog, "torch.optim:Muon", settings)
    assert parameters_in(muon)[0] is blocks["weight"]
    assert parameters_in(adamw)[0] is blocks["bias"]
    assert muon.defaults["lr"] == 0.02
    assert (adamw.defaults["lr"], adamw.defaults["betas"]) == (0.5, (0.8, 0.9))


def test_the_others_take_vectors_if_nothing_is_refused(catalog):
    """Without vectors they are not built."""
    settings = {"others": "torch.optim:AdamW"}
    (sgd, adamw), blocks = optimizers_of(catalog, "torch.optim:SGD", settings)
    assert parameters_in(sgd)[0] is blocks["weight"]
    assert parameters_in(adamw)[0] is blocks["bias"]
    (sgd,), _ = optimizers_of(catalog, "torch.optim:SGD", settings, Layout({"weight": (3, 2)}))


@pytest.mark.parametrize(
    ("settings", "layout", "expected"),
    [
        ({}, LAYOUT, "it refuses 'bias' 3 and accepts 'weight' 3 × 2: Muon only supports 2D parameters"),
        ({}, LAYOUT, "such as others=torch.optim:AdamW"),
        ({}, Layout({"theta": (2,)}), "it refuses the blocks 'theta' 2: Muon only supports 2D"),
        ({"others": "torch.optim:AdamW"}, Layout({"theta": (2,)}), "it refuses the blocks 'theta' 2"),
    ],
)
def test_refused_blocks_are_named(settings, layout, expected, catalog):
    """With their shapes, the reason of the class and a remedy."""
    with pytest.raises(ValueError, match=expected):
        optimizers_of(catalog, "torch.optim:Muon", settings, layout)


def test_a_wrapped_class_gets_the_learning_rate(catalog):
    """The base is built on the groups of its wrapper, with the settings of its own selector."""
    settings = {"base": "torch.optim:SGD[momentum=0.9]", "learning_rate": 0.3}
    (sam,), _ = optimizers_of(catalog, "layers_module:SAM", settings)
    assert isinstance(sam.base_optimizer, torch.optim.SGD)
    group = sam.base_optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["rho"]) == (0.3, 0.9, 0.05)
    (lookahead,), _ = optimizers_of(catalog, "layers_module:Lookahead", {**settings, "k": 7})
    assert lookahead.k == 7
    assert lookahead.optimizer.param_groups[0]["lr"] == 0.3
    nested = {"base": "layers_module:Lookahead[base=torch.optim:Adam]", "learning_rate": 0.4}
    (sam,), _ = optimizers_of(catalog, "layers_module:SAM", nested)
    assert sam.base_optimizer.optimizer.param_groups[0]["lr"] == 0.4


def test_missing_and_infinite_defaults(catalog):
    """A missing default is written in the selector; None keeps an infinite one."""
    (optimizer,), _ = optimizers_of(catalog, "layers_module:Needs", {"num_data": 100, "betas": [0.5, 0.6]})
    assert optimizer.defaults == {"lr": 0.1, "num_data": 100, "limit": math.inf, "betas": (0.5, 0.6)}
    (optimizer,), _ = optimizers_of(catalog, "layers_module:Needs", {"num_data": 100, "limit": 3.0})
    assert optimizer.defaults["limit"] == 3.0


def test_a_class_that_demands_flagged_groups_gets_them(catalog):
    """Matrices with use_muon, the rest without, as implementations of Muon expect."""
    (optimizer,), blocks = optimizers_of(catalog, "layers_module:Flagged", {})
    flags = {id(group["params"][0]): group["use_muon"] for group in optimizer.param_groups}
    assert flags == {id(blocks["weight"]): True, id(blocks["bias"]): False}


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("layers_module:Needs", {}, "its parameter 'num_data' has no default; write [num_data=…]"),
        (
            "layers_module:SAM",
            {"base": "sgd"},
            "base is 'sgd'; write a class, such as base=torch.optim:AdamW",
        ),
        ("layers_module:SAM", {"base": "torch.optim:SDG"}, "did you mean 'SGD'?"),
        ("layers_module:SAM", {"base": "torch.optim:SGD[momentun=1]"}, "did you mean 'momentum'?"),
        ("layers_module:SAM", {"base": "torch.optim:SGD[momentum=-1]"}, "Invalid momentum value: -1.0"),
        ("layers_module:SAM", {"base": "torch.optim:SGD[learning_rate=1]"}, "write it outside of base"),
        ("torch.optim:SGD", {"others": "torch.optim:Adam[eps=-1]"}, "Invalid epsilon value: -1.0"),
        ("torch.optim:SGD", {"others": "torch.optim:Adam["}, "bracket ] is missing"),
        ("torch.optim:Muon", {"momentum": "x"}, "momentum is 'x'"),
        ("torch.optim:Muon", {"learning_rate": 0.1, "weight_decay": -1.0}, "weight decay should be >= 0"),
    ],
)
def test_settings_are_rejected_before_any_trial(name, settings, expected, catalog):
    """By the class itself, its base or its others."""
    with pytest.raises(UsageError) as raised:
        catalog.hyperparameters(name, settings)
    assert expected in str(raised.value)


def test_the_identity_covers_nested_classes(catalog):
    """Their files and versions; a built-in class around a third-party one is third-party."""
    outer = catalog.entry("optimizers", "torch.optim:SGD")
    assert with_nested(outer, {"others": None}) is outer
    inner = catalog.entry("optimizers", "layers_module:Matrices")
    combined = with_nested(outer, {"others": "layers_module:Matrices"})
    assert outer.built_in
    assert not combined.built_in
    assert combined.source not in (outer.source, inner.source)
    assert inner.origin.files.items() <= combined.origin.files.items()
    again = with_nested(outer, {"others": "layers_module:SAM[base=layers_module:Matrices]"})
    assert again.source != combined.source
