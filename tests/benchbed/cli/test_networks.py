"""Networks of `torch.nn` as users write them: inside a `Problem` by hand, and as a `ModuleProblem`."""

import json

import pandas as pd
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = '''
import functools
from dataclasses import dataclass

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from torch.utils.data import TensorDataset

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, ModuleProblem, Problem


class Attention(nn.Module):
    """Next tokens by an embedding and a head of attention."""

    def __init__(self):
        super().__init__()
        self.token, self.norm, self.qkv = nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 12)
        self.output = nn.Linear(4, 5)

    def forward(self, codes):
        x = self.token(codes)
        mixed = scaled_dot_product_attention(*self.qkv(self.norm(x))[:, None].chunk(3, dim=-1), is_causal=True)
        return self.output(x + mixed[:, 0]).transpose(1, 2)


def dense(*layers):
    return nn.Sequential(nn.Linear(16, 8), *layers, nn.ReLU(), nn.Linear(8, 3))


NETWORKS = {
    "mlp": dense,
    "cnn": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 3),
    ),
    "transformer": Attention,
    "batch-norm": lambda: dense(nn.BatchNorm1d(8)),
    "dropout": lambda: dense(nn.Dropout(0.2)),
}


@functools.cache
def network(name):
    return NETWORKS[name]()


@dataclass(frozen=True)
class ByHand(Problem):
    """A network, a mini-batch of indices and the loss of torch."""

    kind: str = "mlp"

    dtype = "float32"
    per_trial = True
    optimum_is_bound = True
    scale_instances = 2
    full_price = 5.0

    @property
    def layout(self):
        return Layout({name: tuple(p.shape) for name, p in network(self.kind).named_parameters()})

    def shared_data(self):
        generator = torch.Generator().manual_seed(0)
        if self.kind == "transformer":
            x = torch.randint(5, (40, 6), generator=generator)
            return x[:, :-1], x[:, 1:]
        return torch.randn(40, 16, generator=generator), torch.randint(3, (40,), generator=generator)

    def make_start(self, generator):
        return nn.utils.parameters_to_vector(NETWORKS[self.kind]().parameters()).detach().double()

    def make_draws(self, generator, steps):
        return torch.randint(40, (steps, 8), generator=generator)

    def logits(self, theta, x, training=False):
        return functional_call(network(self.kind).train(training), self.layout.views(theta), (x,))

    def loss(self, theta, data, draw):
        x, y = data
        return cross_entropy(self.logits(theta, x[draw], training=True), y[draw])

    def objective(self, theta, data):
        return cross_entropy(self.logits(theta, data[0]), data[1])

    def optimum(self, data):
        return torch.tensor(0.0)


@dataclass(frozen=True)
class Gathered(ByHand):
    """A linear classifier that picks the logits of the labels itself."""

    kind: str = "linear"
    dtype = "float64"
    per_trial = False

    layout = Layout({"weight": (16, 3), "bias": (3,)})

    def make_start(self, generator):
        return 0.1 * torch.randn(51, generator=generator, dtype=torch.float64)

    def make_draws(self, generator, steps):
        return None

    def loss(self, theta, data, draw):
        return self.objective(theta, data)

    def objective(self, theta, data):
        blocks = self.layout.views(theta)
        logits = data[0] @ blocks["weight"] + blocks["bias"].unsqueeze(-2)
        labels = data[1].expand(logits.shape[:-1]).unsqueeze(-1)
        return (logits.logsumexp(-1) - logits.gather(-1, labels).squeeze(-1)).mean(-1)


@dataclass(frozen=True)
class Derived(ModuleProblem):
    """Everything but the network, the data and the loss is derived."""

    hidden: int = 8
    batch_size: int = 8

    def make_network(self) -> nn.Module:
        return dense(nn.BatchNorm1d(self.hidden), nn.Dropout(0.2))

    def make_data(self) -> tuple[TensorDataset, TensorDataset]:
        x, y = torch.randn(60, 16), torch.randint(3, (60,))
        return TensorDataset(x[:40], y[:40]), TensorDataset(x[40:], y[40:])

    def loss_of(self, logits, labels):
        return cross_entropy(logits, labels)

    def measure_accuracy(self, logits, labels):
        return (logits.argmax(-1) == labels).double().mean()


@hookimpl
def register_problems(register):
    register(ByHand)
    register(Gathered)
    register(Derived)
'''
COMPILED = [
    "by-hand",
    "by-hand[kind=cnn]",
    "by-hand[kind=transformer]",
    "by-hand[kind=dropout]",
    "gathered",
    "derived",
]
REJECTED = ["by-hand[kind=batch-norm]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the plugin."""
    folder = tmp_path_factory.mktemp("networks")
    (folder / "nets.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def test_networks_are_compiled_or_say_what_to_do(folder, run_in_process):
    """Warnings of torch would be errors here. Running statistics belong into a `ModuleProblem`."""
    problems = [argument for problem in COMPILED + REJECTED for argument in ("-p", problem)]
    options = ["--track", "default", "--engine", "compiled", "--steps", "20", "--seeds", "2", "-O", "study"]
    result = run_in_process(folder, "run", "--plugin", "nets.py", *problems, "-o", "sgd", *options)
    trials = benchbed.load(folder / "study").trials
    kinds = [json.loads(parameters).get("kind", "") for parameters in trials["problem_parameters"]]
    groups = trials.groupby(trials["problem"] + ":" + pd.Series(kinds, trials.index))
    compiled = ["by-hand:", "by-hand:cnn", "by-hand:dropout", "by-hand:transformer", "derived:", "gathered:"]
    assert groups["engine"].agg(set)[compiled].tolist() == [{"compiled"}] * len(compiled)
    statuses = groups["status"].agg(set)
    assert set(statuses[statuses == {"failed"}].index) == {"by-hand:batch-norm"}
    assert "2 trials failed: " in result.stderr
    assert "torch.func.vmap" in result.stderr
    assert "make a network a benchbed.interfaces.ModuleProblem" in result.stderr
    metrics = trials["metrics"][trials["problem"] == "derived"]
    assert all("validation-accuracy" in str(values) for values in metrics)


def test_the_time_of_networks_is_estimated(folder, run_in_process):
    """In seconds, also with running statistics and dropout."""
    problems = ["-p", "by-hand", "-p", "derived"]
    options = ["--steps", "50", "--seeds", "2", "--preset", "quick", "--format", "json"]
    result = run_in_process(folder, "plan", "--plugin", "nets.py", *problems, "-o", "sgd", *options)
    assert "cannot time" not in result.stderr
    assert all(row["seconds"] > 0 for row in json.loads(result.stdout)["rows"])
