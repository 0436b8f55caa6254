"""The facts of a network, and the sentences for networks that cannot be those of a problem."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from benchbed.errors import ContractError
from benchbed.interfaces.modules.forward import without_noise
from benchbed.interfaces.modules.network import examine

BATCH = (torch.linspace(-1, 1, 12).view(4, 3), torch.tensor([0, 1, 1, 0]))


class Features(nn.Module):
    """Random features that differ between starts, a table that does not, and a bias that is not trained."""

    def __init__(self):
        super().__init__()
        self.register_buffer("features", torch.randn(3, 5))
        self.register_buffer("table", torch.arange(5.0))
        self.output = nn.Linear(5, 2)
        self.output.bias.requires_grad_(False)

    def forward(self, x):
        return self.output(x @ self.features + self.table)


class Drawing(nn.Module):
    """A layer that draws by other functions than those that have draws."""

    def __init__(self, draw):
        super().__init__()
        self.layer, self.draw = nn.Linear(3, 2), draw

    def forward(self, x):
        return self.layer(x) + self.draw(x)


class Branching(nn.Linear):
    """A layer that branches on its values."""

    def __init__(self):
        super().__init__(3, 2)

    def forward(self, x):
        y = super().forward(x)
        return y if y.sum() > 0 else 2 * y


class Renaming(nn.Linear):
    """A layer with buffers that are not the same ones after a forward pass."""

    def __init__(self, change, **buffers):
        super().__init__(3, 2)
        self.inner, self.change = nn.Module(), change
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer)
        self.inner.register_buffer("shared", buffers.get("shared"))

    def forward(self, x):
        self.change(self, x)
        return super().forward(x)


class Rotating(nn.Linear):
    """A layer that computes tables in its first pass: in an attribute, in a new one, and in a dictionary."""

    def __init__(self):
        super().__init__(3, 2)
        self.register_buffer("frequencies", torch.tensor([1.0, 0.1, 0.01]))
        self.sine, self.tables = None, {}

    def forward(self, x):
        if self.sine is None:
            self.sine, self.cosine = self.frequencies.sin(), self.frequencies.cos()
        if len(x) not in self.tables:
            self.tables[len(x)] = torch.arange(len(x)).type_as(x).outer(self.frequencies)
        return super().forward(x * self.sine * self.cosine + self.tables[len(x)])


class Hooked(nn.Sequential):
    """A linear layer with a hook on gradients, which `register` adds to the network."""

    def __init__(self, register):
        super().__init__(nn.Linear(3, 2))
        register(self)


class Old(torch.autograd.Function):
    """A function without a rule for several trials."""

    @staticmethod
    def forward(_, x):
        return 2 * x

    @staticmethod
    def backward(_, gradient):
        return 2 * gradient


class Checkpointed(nn.Linear):
    """A layer that is computed again in the backward pass."""

    def __init__(self):
        super().__init__(3, 2)

    def forward(self, x):
        return checkpoint(super().forward, x.clone(), use_reentrant=False).tanh()


def ignore_gradients(*arguments):
    """Return nothing, as a hook that changes no gradient."""


GRADIENT_HOOKS = {
    "parameter": lambda network: network[0].weight.register_hook(ignore_gradients),
    "accumulated": lambda network: network[0].bias.register_post_accumulate_grad_hook(ignore_gradients),
    "module": lambda network: network[0].register_full_backward_hook(ignore_gradients),
    "before-module": lambda network: network[0].register_full_backward_pre_hook(ignore_gradients),
}


def mean_loss(outputs, targets):
    """Return the cross-entropy."""
    return nn.functional.cross_entropy(outputs, targets)


def test_buffers_are_those_that_change_or_differ_between_starts():
    """All other tensors are constants, and only trained parameters are in the layout."""
    network = examine(Features, BATCH, mean_loss)
    assert network.layout.blocks == {"output.weight": (2, 5)}
    assert set(network.buffers) == {"features", "output.bias"}
    assert set(network.constants) == {"table"}
    norm = examine(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), BATCH, mean_loss)
    assert set(norm.buffers) == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}


def test_tied_parameters_count_once():
    """As in `parameters()`."""

    def build():
        network = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
        network[1].weight = network[0].weight
        return network

    assert examine(build, BATCH, mean_loss).layout.blocks == {"0.weight": (3, 3)}


def test_constants_of_a_first_pass_have_the_dtype_of_each_run():
    """That of the examination is float32; as its device is the CPU, trials on another would fail."""
    network = examine(Rotating, BATCH, mean_loss)
    for dtype in (torch.float64, torch.float32, torch.float64):
        module, x, y = Rotating().to(dtype), BATCH[0].to(dtype), BATCH[1]
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        for is_training in (True, False):
            loss, _ = network.run(mean_loss, tensors, (x, y), without_noise, is_training)
            assert torch.equal(loss, mean_loss(module(x), y))


def test_a_network_keeps_the_global_generator():
    """Although it is built and run."""
    before = torch.get_rng_state()
    network = examine(lambda: nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.2)), BATCH, mean_loss)
    assert torch.equal(torch.get_rng_state(), before)
    assert [call.shape for call in network.random_calls] == [(4, 2)]


@pytest.mark.parametrize(
    ("build", "loss_of", "message"),
    [
        (lambda: "network", mean_loss, "make_network returns a str; return a torch.nn.Module"),
        (lambda: nn.LazyLinear(2), mean_loss, "lazy layers without sizes"),
        (
            lambda: nn.Sequential(nn.Linear(3, 2), nn.Embedding(5, 2, max_norm=1.0)),
            mean_loss,
            "a layer Embedding with max_norm, which writes into its parameters; scale",
        ),
        (
            lambda: nn.EmbeddingBag(5, 2, sparse=True),
            mean_loss,
            r"EmbeddingBag with sparse=True, .*; leave it out",
        ),
        (nn.ReLU, mean_loss, "no parameters to train"),
        (lambda: nn.Linear(3, 2), lambda x, y: x.square().mean(-1), r"the shape \(4,\); return one number"),
        (lambda: nn.Linear(3, 2), lambda x, y: 1.0, "returns a float; return one number"),
        (lambda: nn.Linear(3, 2), lambda x, y: x.detach().mean(), "has no derivative"),
        (lambda: Drawing(lambda x: torch.rand(())), mean_loss, "random numbers by `rand`"),
        (lambda: Drawing(lambda x: torch.empty(2).normal_()), mean_loss, "random numbers by `normal_`"),
        (
            lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, momentum=None)),
            mean_loss,
            "several trials at once .* a number as momentum",
        ),
        (
            lambda: Renaming(lambda self, x: setattr(self, "mean", x.mean(0)), mean=None),
            mean_loss,
            r"adds, removes or separates the buffers mean; register each as a tensor of its own",
        ),
        (
            lambda: Renaming(lambda self, x: setattr(self, "cache", None), cache=torch.zeros(3)),
            mean_loss,
            "the buffers cache; register",
        ),
        (
            lambda: Renaming(lambda self, x: setattr(self, "shared", self.shared + 1), shared=torch.zeros(3)),
            mean_loss,
            "the buffers inner.shared; register",
        ),
        (Branching, mean_loss, "choose by torch.where"),
        (lambda: Drawing(lambda x: Old.apply(x)[:, :2]), mean_loss, "`generate_vmap_rule = True`"),
        (Checkpointed, mean_loss, "leave out torch.utils.checkpoint"),
        (lambda: nn.Sequential(nn.Linear(3, 2), nn.AlphaDropout(0.2)), mean_loss, "use dropout layers"),
    ],
)
def test_other_networks_are_rejected(build, loss_of, message):
    """With the reason and a remedy."""
    with pytest.raises(ContractError, match=message):
        examine(build, BATCH, loss_of)


@pytest.mark.parametrize("kind", GRADIENT_HOOKS)
def test_hooks_on_gradients_are_rejected(kind):
    """They do not run under `vmap`, and an optimizer would see the gradients before them."""
    with pytest.raises(ContractError, match=r"has hooks on gradients.*; change the value in `forward`"):
        examine(lambda: Hooked(GRADIENT_HOOKS[kind]), BATCH, mean_loss)


def test_a_removed_hook_is_no_hook():
    """Such as one of an earlier use of the layer."""
    network = examine(lambda: Hooked(lambda new: GRADIENT_HOOKS["parameter"](new).remove()), BATCH, mean_loss)
    assert network.layout.blocks == {"0.weight": (2, 3), "0.bias": (2,)}


def test_hooks_that_a_forward_pass_registers_are_rejected():
    """Also if they are on a tensor that is not a parameter."""

    def build():
        return Drawing(lambda x: nn.Parameter(x[:, :2]).register_hook(ignore_gradients) and 0)

    with pytest.raises(ContractError, match="its forward pass registers hooks on gradients"):
        examine(build, BATCH, mean_loss)
