"""A program of tensors gives what torch gives, operation by operation."""

import itertools

import pytest
import torch
from torch.nn import functional

from benchbed.codegen.compiled_step import CompiledStep, vector_width
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.tensorwise.codegen import generate
from benchbed.codegen.trace import TracedStep, trace_function

LANES = (2, 3)


def by_program(function, *inputs):
    """Give what `function` makes of tensors `[2, 3, ...]`, lane by lane in one step of a program."""
    outcomes = [torch.zeros_like(outcome) for outcome in function(*inputs)]
    count = len(inputs)

    def step(*tensors):
        made = function(*tensors[:count])
        return [*tensors[:count], *(one.contiguous() for one in made)]

    lanes = [*inputs, *outcomes]
    one = [lane[:1, :1].contiguous() for lane in lanes]
    graph = trace_function(step, *one)
    graph.graph.eliminate_dead_code()
    traced = TracedStep(graph, ["lane"] * len(one), one)
    compiled = CompiledStep(traced, generate(traced, vector_width(inputs[0].dtype)))
    return compiled.run([1], *LANES, lanes)[0][count:]


def assert_all(cases, *inputs, rtol=None):
    """Every case is what torch makes of the same."""
    made = by_program(lambda *tensors: [case(*tensors) for case in cases.values()], *inputs)
    for (name, case), ours in zip(cases.items(), made, strict=True):
        theirs = case(*inputs)
        limits = {} if rtol is None else {"rtol": rtol, "atol": rtol}
        torch.testing.assert_close(
            ours, theirs, **limits, equal_nan=True, msg=lambda text, name=name: f"{name}: {text}"
        )


def numbers(*shape, dtype=torch.float64, seed=0):
    """Draw normal numbers for every lane."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*LANES, *shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_products_of_matrices_of_many_sizes(dtype):
    """Rows and columns from 1 to beyond a register's numbers, each factor as it lies and transposed."""
    sizes = itertools.product((1, 3, 9), (1, 2, 10, 16, 70), (1, 5, 33))
    cases = {}
    for rows, columns, inner in sizes:

        def product(x, m=rows, n=columns, k=inner):
            left, right = x[..., : m * k].unflatten(-1, (m, k)), x[..., -k * n :].unflatten(-1, (k, n))
            return left @ right

        def turned(x, m=rows, n=columns, k=inner):
            left, right = x[..., : m * k].unflatten(-1, (k, m)), x[..., -k * n :].unflatten(-1, (n, k))
            return left.mT @ right.mT

        cases[f"{rows} × {inner} · {inner} × {columns}"] = product
        cases[f"{rows} × {inner} · {inner} × {columns}, transposed"] = turned
    assert_all(cases, numbers(2_400, dtype=dtype), rtol=1e-12 if dtype == torch.float64 else 1e-4)


def test_reductions_along_any_dimension():
    """Along the last, the first and several; what remains may be in any order."""
    cases = {}
    for dims in (-1, -2, (-1, -2), (-3,), (-3, -1)):
        for name in ("sum", "mean", "amax", "amin"):
            cases[f"{name} {dims}"] = lambda x, name=name, dims=dims: getattr(x, name)(dim=dims)
        for order in (1, 2, torch.inf):
            cases[f"norm {order} {dims}"] = lambda x, order=order, dims=dims: torch.linalg.vector_norm(
                x, order, dims
            )
    cases["kept"] = lambda x: x / x.abs().sum(-1, keepdim=True)
    cases["turned"] = lambda x: x.mT.sum(-1)
    cases["any"] = lambda x: (x > 2).any(-1)
    cases["all"] = lambda x: (x > -2).all(-1)
    cases["prod"] = lambda x: x.prod(-1)
    assert_all(cases, numbers(3, 5, 19), rtol=1e-13)


def test_a_reduction_keeps_what_is_no_number():
    """Whether it stands among the vectors or after them."""
    given = numbers(35)
    for lane, place in enumerate((0, 8, 31, 32, 34)):
        given[lane // 3, lane % 3, place] = torch.nan
    cases = {name: lambda x, name=name: getattr(x, name)(-1) for name in ("sum", "mean", "amax", "amin")}
    cases["norm"] = lambda x: torch.linalg.vector_norm(x, torch.inf, -1)
    assert_all(cases, given)


def test_views_and_parts():
    """Each is read as torch reads it, whatever lies where."""
    cases = {
        "transposed": lambda x: x.mT * 2,
        "flattened": lambda x: x.mT.flatten(-2) + 1,
        "part": lambda x: x[..., 1:3, ::3] * x[..., :1, :1],
        "column": lambda x: x[..., 2] - x[..., 0, 1].unsqueeze(-1),
        "joined": lambda x: torch.cat(
            [x[..., :1, :], x.mT.flatten(-2).unflatten(-1, (-1, 17))[..., 1:3, :]], -2
        ),
        "stacked": lambda x: torch.stack([x[..., 0, :], -x[..., 1, :]], -1),
        "spread": lambda x: x[..., :1, :].expand(*x.shape) + x,
        "split": lambda x: torch.cat([one.square() for one in x.split([5, 12], -1)][::-1], -1),
        "counted": lambda x: x * torch.arange(17) + torch.arange(1.0, 5.0, 1.0).unsqueeze(-1),
        "held": lambda x: x * torch.tensor([[1.0], [2.0], [3.0], [torch.inf]], dtype=torch.float64),
        "filled": lambda x: torch.where(x > 0, x, torch.full_like(x, 0.5)),
        "constant": lambda x: torch.zeros_like(x) + 3,
        "chosen": lambda x: torch.where((x > 0).any(-1, keepdim=True), x.sum(-2, keepdim=True), x),
        "whole": lambda x: (x > 0).long().sum(-1),
    }
    assert_all(cases, numbers(4, 17))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=("double", "single"))
def test_exponentials_from_end_to_end(dtype):
    """Over all that has an exponential, and beyond; to a few units in the last place."""
    most = 720.0 if dtype == torch.float64 else 100.0
    given = torch.cat(
        [torch.linspace(-most, most, 1_001), torch.logspace(-30, 2, 601), -torch.logspace(-30, 2, 601)]
    )
    given = torch.cat([given.double(), torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0, -0.0])]).to(dtype)
    cases = {"exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    given = given.expand(*LANES, -1)
    made = by_program(lambda x: [case(x) for case in cases.values()], given)
    for (name, case), ours in zip(cases.items(), made, strict=True):
        exact = case(given.double())
        tiny = torch.finfo(dtype).tiny
        torch.testing.assert_close(
            ours.double(), exact.to(dtype).double(), rtol=4 * torch.finfo(dtype).eps, atol=tiny, equal_nan=True,
            msg=lambda text, name=name: f"{name}: {text}",
        )  # fmt: skip


def test_losses_and_activations_of_networks():
    """As strangers write them: samples before units, gradients by torch.func."""

    def loss(theta, activate):
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).unsqueeze(-1) ** torch.arange(3)
        hidden = activate(x @ theta[..., :15].unflatten(-1, (3, 5)) + theta[..., 15:20].unsqueeze(-2))
        return (hidden @ theta[..., 20:25].unsqueeze(-1)).square().mean((-1, -2))

    def slope(activate):
        return torch.func.grad(lambda point: loss(point, activate).sum())

    activations = {
        "tanh": torch.tanh, "relu": torch.relu, "silu": functional.silu, "gelu": functional.gelu,
        "gelu-tanh": lambda x: functional.gelu(x, approximate="tanh"), "softplus": functional.softplus,
        "softmax": lambda x: x.softmax(-1),
    }  # fmt: skip
    assert_all({name: slope(activate) for name, activate in activations.items()}, numbers(25), rtol=1e-12)


def test_rows_are_gathered_and_an_index_is_checked():
    """Also from the end; one that is out of range is refused as torch does."""
    table = numbers(7, 3)[0, 0]
    index = torch.randint(-7, 7, (*LANES, 11), generator=torch.Generator().manual_seed(1))

    def program(index):
        one = index[:1, :1].contiguous()
        gathered = torch.zeros(*LANES, 11, 3, dtype=torch.float64)
        inputs = [one, gathered[:1, :1].contiguous(), table]
        graph = trace_function(lambda i, _, t: [i, t[i]], *inputs)
        traced = TracedStep(graph, ["lane", "lane", "shared"], inputs)
        compiled = CompiledStep(traced, generate(traced, 8))
        return compiled.run([1], *LANES, [index, gathered, table])[0][1]

    torch.testing.assert_close(program(index), table[index], rtol=0, atol=0)
    for wrong in (7, -8):
        with pytest.raises(IndexError, match="out of range"):
            program(index.masked_fill(index == index[1, 2, 5], wrong))


def test_what_a_step_overwrites_is_read_before():
    """Two tensors of a lane change places."""
    x, y = numbers(20), numbers(20, seed=1)
    one = [lane[:1, :1].contiguous() for lane in (x, y)]
    graph = trace_function(lambda x, y: [y.view_as(y), x + 0], *one)
    traced = TracedStep(graph, ["lane", "lane"], one)
    compiled = CompiledStep(traced, generate(traced, 8))
    for steps, (first, second) in ((1, (y, x)), (2, (x, y)), (5, (y, x))):
        (ours,) = compiled.run([steps], *LANES, [x, y])
        torch.testing.assert_close(ours, [first, second], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("what", "function"),
    [
        ("the operation sort", lambda x: x.sort(-1).values),
        ("the operation view as another type", lambda x: x.view(torch.int64) + x),
        ("a step that needs", lambda x: (x.unsqueeze(-1) * x.unsqueeze(-2)).exp().square().sum(-1)),
    ],
)
def test_what_is_not_written_is_refused(what, function):
    """By name, so that another engine can take it."""
    with pytest.raises(UnsupportedOperationError, match=what):
        by_program(lambda x: [function(x)], numbers(2_000))
