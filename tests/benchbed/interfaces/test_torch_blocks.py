"""Tests of torch optimizers on blocks: each equals a loop by hand over parameters with these shapes."""

import functools

import pytest
import torch

from benchbed.engine.oracle import CountingOracle
from benchbed.errors import ContractError
from benchbed.gradients import reverse
from benchbed.interfaces import Layout, torch_optimizer
from benchbed.interfaces.torch_blocks import bytes_of

LAYOUT = Layout({"weight": (4, 3), "bias": (4,), "scale": ()})
STEPS = 12


def loss_of(weight, bias, scale):
    """Return a loss that is not separable, with a minimum away from zero."""
    inputs = torch.linspace(-1, 2, 15, dtype=torch.float64).reshape(5, 3)
    outputs = torch.tanh(inputs @ weight.T + bias) * scale
    return (outputs - 0.3).square().mean() + 0.01 * weight.square().sum()


def oracle_at(theta):
    """Return an oracle at one point, which counts evaluations at others."""
    evaluate = functools.partial(reverse, lambda point: loss_of(*LAYOUT.views(point).values()))
    zero = torch.zeros(1).clone
    return CountingOracle(evaluate, *evaluate(theta), compute_progress=zero, compute_step=zero)


@pytest.fixture
def start():
    return torch.randn(LAYOUT.dimension, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@torch.no_grad()
def run(build, start):
    """Run steps as the engine does, and measure after each; return the answer, the state and the further calls."""
    optimizer = torch_optimizer(build, LAYOUT)
    theta, further_calls = start, 0
    state = optimizer.init(theta)
    assert torch.equal(optimizer.answer(state, theta), start)
    for _ in range(STEPS):
        oracle = oracle_at(theta)
        gradient = oracle.gradient.clone()
        theta, state = optimizer.update(oracle, state, theta)
        further_calls += oracle.further_calls
        optimizer.answer(state, theta)
        assert torch.equal(oracle.gradient, gradient)
    return optimizer.answer(state, theta), state, further_calls


def run_by_hand(build, start):
    """Run the same steps as a training loop does: evaluation mode only at the end."""
    blocks = {name: torch.nn.Parameter(view.clone()) for name, view in LAYOUT.views(start).items()}
    built = build(blocks)
    optimizer, *further = built if isinstance(built, tuple) else (built,)
    averages = hasattr(optimizer, "eval")
    if averages:
        optimizer.train()
    for _ in range(STEPS):
        loss = None

        def closure():
            for block in blocks.values():
                block.grad = None
            value = loss_of(*blocks.values())
            value.backward()
            return value

        loss = closure()
        if isinstance(optimizer, torch.optim.LBFGS | TwoPoints):
            optimizer.step(closure)
        else:
            optimizer.step()
        for member in further:
            plateau = isinstance(member, torch.optim.lr_scheduler.ReduceLROnPlateau)
            member.step(*[loss.detach()] if plateau else [])
    if averages:
        optimizer.eval()
    return torch.cat([block.detach().flatten() for block in blocks.values()])


class TwoPoints(torch.optim.Optimizer):
    """Evaluate again at a perturbed point, as sharpness-aware minimization does."""

    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self, closure):
        blocks = self.param_groups[0]["params"]
        before = [block.clone() for block in blocks]
        for block in blocks:
            block.add_(block.grad, alpha=0.05)
        with torch.enable_grad():
            closure()
        for block, old in zip(blocks, before, strict=True):
            block.copy_(old).add_(block.grad, alpha=-0.1)


class WithoutClosure(torch.optim.Optimizer):
    """SGD whose step takes no closure."""

    def __init__(self, params):
        super().__init__(params, {})

    @torch.no_grad()
    def step(self):
        for block in self.param_groups[0]["params"]:
            block.sub_(block.grad, alpha=0.3)


class Averaged(torch.optim.Optimizer):
    """SGD that is measured at the average of its iterates; `eval` and `train` convert with rounding errors."""

    def __init__(self, params):
        super().__init__(params, {})
        self.count, self.mode = 0, None

    @torch.no_grad()
    def step(self, closure=None):
        assert self.mode == "train"
        self.count += 1
        for block in self.param_groups[0]["params"]:
            block.sub_(block.grad, alpha=0.3)
            state = self.state[block]
            state["average"] = state.get("average", torch.zeros_like(block)).lerp(block, 1 / self.count)

    @torch.no_grad()
    def _shift(self, sign):
        for block in self.param_groups[0]["params"]:
            state = self.state[block]
            if sign > 0:
                state["difference"] = block - state["average"]  # there is none before the first step
            block.sub_(state["difference"], alpha=sign)

    def eval(self):
        self.mode = "eval"
        self._shift(1)

    def train(self):
        self.mode = "train"
        if self.count:
            self._shift(-1)


class Replacing(torch.optim.Optimizer):
    """SGD that gives its parameters new memory in every step."""

    def __init__(self, params):
        super().__init__(params, {})

    def step(self, closure=None):
        for block in self.param_groups[0]["params"]:
            block.data = block.data - 0.2 * block.grad


def layerwise(blocks):
    return torch.optim.Adafactor(blocks.values(), lr=0.05)


def decay_of_weights(blocks):
    groups = [
        {"params": [block for block in blocks.values() if block.ndim > 1], "weight_decay": 0.1},
        {"params": [block for block in blocks.values() if block.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.05)


def one_cycle(blocks):
    optimizer = torch.optim.SGD(blocks.values(), lr=0.1, momentum=0.9)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=STEPS)


def plateau(blocks):
    optimizer = torch.optim.SGD(blocks.values(), lr=3.0)
    return optimizer, torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)


def scheduled_without_closure(blocks):
    """The scheduler wraps the step in a function of any arguments."""
    optimizer = WithoutClosure([{"params": [*blocks.values()], "lr": 0.1}])
    return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)


def two_optimizers(blocks):
    matrices = torch.optim.Muon([blocks["weight"]], lr=0.02)
    return matrices, torch.optim.AdamW([blocks["bias"], blocks["scale"]], lr=0.01)


def of_values(optimizer_class):
    return lambda blocks: optimizer_class(blocks.values())


@pytest.mark.parametrize(
    "build",
    [
        layerwise, decay_of_weights, one_cycle, plateau, two_optimizers, of_values(TwoPoints), of_values(Averaged),
        of_values(Replacing), of_values(torch.optim.LBFGS), of_values(WithoutClosure), scheduled_without_closure,
    ],
    ids=[
        "layers", "groups", "one-cycle", "plateau", "two", "closure", "average", "replacing", "lbfgs",
        "without-closure", "scheduled-without-closure",
    ],
)  # fmt: skip
def test_the_answer_is_that_of_a_loop_by_hand(build, start):
    """To the bit, however often it is measured in between."""
    answer, _, _ = run(build, start)
    assert torch.equal(answer, run_by_hand(build, start))


class HalvedRate:
    """A scheduler of no class of torch."""

    def __init__(self, optimizer):
        self.groups = optimizer.param_groups

    def step(self):
        for group in self.groups:
            group["lr"] /= 2


@pytest.mark.parametrize(
    ("members", "kinds"),
    [
        (lambda optimizer: (optimizer, HalvedRate(optimizer)), "SGD, HalvedRate"),
        (lambda optimizer: ([optimizer], []), "list, list"),
        (lambda optimizer: {"optimizer": optimizer}, "dict"),
        (
            lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
            "ExponentialLR",
        ),
        (lambda optimizer: (), "nothing"),
    ],
    ids=["scheduler", "lists", "dictionary", "no-optimizer", "empty"],
)
def test_members_that_would_not_step_are_rejected(start, members, kinds):
    """A scheduler of another class would be left out, and the rate would stay as it is."""
    optimizer = torch_optimizer(lambda blocks: members(torch.optim.SGD(blocks.values())), LAYOUT)
    with pytest.raises(ContractError, match=f"returns {kinds}; return a torch.optim.Optimizer, or a tuple"):
        optimizer.init(start)


def test_a_list_is_a_tuple(start):
    """Of an optimizer and its scheduler."""
    assert torch.equal(run(lambda blocks: list(one_cycle(blocks)), start)[0], run_by_hand(one_cycle, start))


def test_an_evaluation_elsewhere_costs_a_call(start):
    """One call of the closure in each step is at another point; a class that ignores the closure costs none."""
    assert run(of_values(TwoPoints), start)[2] == STEPS
    assert run(layerwise, start)[2] == 0


def test_state_bytes_are_those_of_the_tensors_beside_the_parameters(start):
    """Two moments and a step in float32 for each block; the optimizers of a tuple are added."""
    blocks, numbers = len(LAYOUT.blocks), LAYOUT.dimension
    _, state, _ = run(of_values(torch.optim.Adam), start)
    assert bytes_of(state) == 2 * 8 * numbers + 4 * blocks
    _, state, _ = run(two_optimizers, start)
    assert bytes_of(state) == 8 * 12 + 2 * 8 * (numbers - 12) + 4 * (blocks - 1)


def test_the_vector_is_one_block_without_a_layout(start):
    """Its name is theta."""
    shapes = []

    def build(blocks):
        shapes.append({name: tuple(block.shape) for name, block in blocks.items()})
        return torch.optim.SGD(blocks.values())

    torch_optimizer(build).init(start)
    assert shapes == [{"theta": (LAYOUT.dimension,)}]
