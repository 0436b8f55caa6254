"""`benchbed.minimize` with any optimizer, for functions of one tensor."""

import doctest
import functools
import gc
import weakref
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

import benchbed
from benchbed import minimization
from benchbed.catalog.loading import load_catalog
from benchbed.engine import run_batch
from benchbed.errors import UsageError
from benchbed.interfaces import Optimizer, torch_optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd

WEIGHTS = torch.linspace(1, 100, 10, dtype=torch.float64)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
FAR = torch.full((10,), -3.0, dtype=torch.float64)
# Two orders of the same float64 operations, over at most 1000 steps that contract.
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


def weighted_quartic(theta):
    return (WEIGHTS * (theta**4 - 3 * theta**2 + theta)).sum()


def bowl(theta):
    return 0.5 * theta.square().sum()


def course_loop(loss, start, make, steps, tolerance):
    """Run the loop of the course with a torch.optim class; return θ, losses and gradient norms."""
    parameter = torch.nn.Parameter(torch.as_tensor(start, dtype=torch.float64).clone())
    optimizer, losses, norms = make([parameter]), [], []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(parameter)
        value.backward()
        losses.append(value.item())
        norms.append(parameter.grad.norm().item())
        if norms[-1] <= tolerance:
            break
        optimizer.step()
    return parameter.detach(), losses, norms


def assert_equals_loop(minimum, expected):
    theta, losses, norms = expected
    assert len(minimum.losses) == len(minimum.gradient_norms) == len(losses)
    np.testing.assert_allclose(minimum.losses, losses, **TOLERANCE)
    np.testing.assert_allclose(minimum.gradient_norms, norms, **TOLERANCE)
    np.testing.assert_allclose(minimum.theta, theta, **TOLERANCE)


TORCH = {
    "gd": torch.optim.SGD, "sgd": torch.optim.SGD, "adam": torch.optim.Adam,
    "torch.optim:NAdam": torch.optim.NAdam,
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize(("rate", "status"), [(1e-2, "exhausted"), (0.05, None)])
def test_minimize_equals_the_loop_of_the_course(name, rate, status):
    """The weighted quartic from −3, at most 1000 steps, tolerance 1e-6: every point equals that of torch.optim."""
    expected = course_loop(weighted_quartic, FAR, lambda p: TORCH[name](p, lr=rate), 1000, 1e-6)
    minimum = benchbed.minimize(weighted_quartic, FAR, f"{name}[learning_rate={rate}]", tolerance=1e-6)
    assert_equals_loop(minimum, expected)
    is_converged = expected[2][-1] <= 1e-6
    assert minimum.status == ("converged" if is_converged else "exhausted")
    assert status in (None, minimum.status)
    assert (minimum.steps, minimum.calls) == (len(expected[1]) - is_converged, len(expected[1]))


def test_a_reached_tolerance_returns_the_point_that_reached_it():
    """½‖θ‖² from (4, 3) by halves has the norms 5, 2.5, 1.25, 0.625; the last loss belongs to the returned point."""
    minimum = benchbed.minimize(bowl, [4, 3], "gd[learning_rate=0.5]", tolerance=1.0)
    assert (minimum.status, minimum.steps, minimum.calls) == ("converged", 3, 4)
    assert minimum.gradient_norms.tolist() == [5, 2.5, 1.25, 0.625]
    assert minimum.theta.tolist() == [0.5, 0.375]
    assert minimum.losses[-1] == minimum.loss == bowl(minimum.theta)
    assert minimum.gradient_norms[-1] == minimum.gradient_norm == 0.625
    assert minimum.reason == "the gradient's norm is at most 1 after 3 steps"


def test_a_tolerance_may_be_reached_at_the_start():
    """One evaluation suffices, and the start is returned."""
    minimum = benchbed.minimize(bowl, [4, 3], "adam", tolerance=5.0)
    assert (minimum.status, minimum.steps, minimum.calls) == ("converged", 0, 1)
    assert (minimum.theta.tolist(), minimum.losses.tolist()) == ([4, 3], [12.5])


def test_the_curve_ends_before_the_last_point_if_all_steps_are_spent():
    """As in the course's loop; `loss` and `gradient_norm` describe the last point."""
    minimum = benchbed.minimize(bowl, [4, 3], "gd[learning_rate=0.5]", steps=2, tolerance=1.25)
    assert (minimum.status, minimum.steps, minimum.losses.tolist()) == ("exhausted", 2, [12.5, 3.125])
    assert (minimum.loss, minimum.gradient_norm, minimum.theta.tolist()) == (0.78125, 1.25, [1, 0.75])
    assert minimum.reason == "all 2 evaluations are spent after 2 steps"


@pytest.mark.parametrize(
    ("loss", "start", "optimizer", "steps", "reason"),
    [
        (bowl, [1.0], "gd[learning_rate=3]", 1000, "the loss has risen from 0.5 to"),
        (lambda theta: theta.log().sum(), [1.0], "gd[learning_rate=2]", 1000, "not finite after 1 step"),
        (lambda theta: theta.sqrt().sum(), [1.0], "gd[learning_rate=2]", 1000, "not finite after 1 step"),
        (lambda theta: torch.where(theta < 0, torch.inf, theta).sum(), [1.0], "gd[learning_rate=2]", 5, "not finite"),
    ],
)  # fmt: skip
def test_a_divergence_is_a_result_with_its_reason(loss, start, optimizer, steps, reason):
    """The curve contains all evaluations."""
    minimum = benchbed.minimize(loss, start, optimizer, steps=steps, tolerance=1e-9)
    assert minimum.status == "diverged"
    assert reason in minimum.reason
    assert len(minimum.losses) == minimum.calls
    assert minimum.steps <= minimum.calls <= minimum.steps + 1 < 60


@pytest.mark.parametrize("steps", [1, 2, 5, 11, 12, 17])
def test_a_nan_loss_stops_at_the_step_that_meets_it(steps):
    """Below 0.995 the loss is NaN with a gradient of 0; the point need not be a checkpoint."""
    minimum = benchbed.minimize(
        lambda theta: torch.where(theta < 0.995, torch.nan, theta).sum(),
        [1 + 0.01 * (steps - 1)],
        "gd[learning_rate=0.01]",
        tolerance=1e-9,
    )
    assert (minimum.status, minimum.steps) == ("diverged", steps)
    assert np.isnan(minimum.loss)
    assert minimum.losses[:steps].isfinite().all()


@pytest.mark.parametrize(
    ("theta0", "shape", "dtype"),
    [
        (3, (), torch.float64),
        (2.5, (), torch.float64),
        ([1, 2], (2,), torch.float64),
        ([[1.0, 2.0, 3.0]], (1, 3), torch.float64),
        (np.ones((2, 2), dtype=np.float32), (2, 2), torch.float32),
        (np.arange(3), (3,), torch.float64),
        (torch.ones(2, 1, 3), (2, 1, 3), torch.float32),
        (torch.tensor(1.5, dtype=torch.float64), (), torch.float64),
        (torch.tensor([1, 2]), (2,), torch.float64),
        (torch.nn.Parameter(torch.ones(4)), (4,), torch.float32),
        (torch.ones(3, dtype=torch.bfloat16), (3,), torch.bfloat16),
    ],
    ids=str,
)
def test_a_start_keeps_its_shape_and_a_floating_dtype(theta0, shape, dtype):
    """The loss receives it, and the result has it; Python numbers and integers become float64."""
    received = set()

    def loss(theta):
        received.add((tuple(theta.shape), theta.dtype))
        return bowl(theta)

    minimum = benchbed.minimize(loss, theta0, "gd[learning_rate=0.5]", steps=3)
    assert received == {(shape, dtype)}
    assert (tuple(minimum.theta.shape), minimum.theta.dtype, minimum.theta.requires_grad) == (
        shape,
        dtype,
        False,
    )
    assert torch.equal(minimum.theta, torch.as_tensor(theta0).detach().to(dtype) / 8)
    assert minimum.losses.dtype == torch.float64


def test_the_start_is_not_modified():
    """The result is another tensor."""
    start = torch.ones(2)
    minimum = benchbed.minimize(bowl, start, "adam", steps=5)
    assert torch.equal(start, torch.ones(2))
    assert start.grad is None
    assert not torch.equal(minimum.theta, start)


def test_a_loss_may_branch_on_its_values():
    """Huber's loss with a Python `if`, which neither vmap nor a traced step supports."""

    def loss(theta):
        if abs(theta.item()) < 1:
            return 0.5 * theta**2
        return theta.abs() - 0.5

    minimum = benchbed.minimize(loss, 3.0, "gd[learning_rate=0.5]", steps=200, tolerance=1e-3)
    assert minimum.status == "converged"
    assert minimum.losses[:6].tolist() == [2.5, 2.0, 1.5, 1.0, 0.5, 0.125]


class IterateMean(NamedTuple):
    mean: Tensor
    count: Tensor


def averaged(learning_rate=0.1):
    """Build gradient descent that returns the mean of all iterates."""

    def update(oracle, state, theta):
        moved, count = theta - learning_rate * oracle.gradient, state.count + 1
        return moved, IterateMean(state.mean + (moved - state.mean) / count, count)

    return Optimizer(
        init=lambda theta: IterateMean(theta, torch.ones_like(theta[..., :1])),
        update=update,
        answer=lambda state, theta: state.mean,
    )


@pytest.mark.parametrize("flags", [{}, {"per_trial": True}, {"stateful": True}], ids=str)
def test_an_optimizer_may_answer_with_another_point(flags):
    """θ_k = 0.9^k: the curve and the tolerance belong to the iterates, θ and its loss to their mean."""
    minimum = benchbed.minimize(bowl, [1.0], averaged()._replace(**flags), tolerance=0.9**9.5)
    iterates = 0.9 ** np.arange(11)
    assert (minimum.status, minimum.steps) == ("converged", 10)
    np.testing.assert_allclose(minimum.gradient_norms, iterates, rtol=1e-14)
    np.testing.assert_allclose(minimum.theta, [iterates.mean()], rtol=1e-14)
    assert minimum.loss == bowl(minimum.theta)
    assert minimum.gradient_norm == minimum.theta.item()


@pytest.mark.parametrize("flags", [{}, {"per_trial": True}, {"stateful": True}], ids=str)
@pytest.mark.parametrize("where", [False, True])
def test_two_calls_a_step_make_half_the_steps(flags, where):
    """Calls at other points are counted, but are not part of the curve."""

    def update(oracle, state, theta):
        _, ahead = oracle.at(theta - 0.1 * oracle.gradient, *([oracle.loss >= 0] if where else []))
        return theta - 0.1 * ahead, state

    def loss(theta):
        assert theta.item() > 0
        return bowl(theta)

    minimum = benchbed.minimize(
        loss, [1.0], Optimizer(init=lambda theta: (), update=update, **flags), steps=20
    )
    assert (minimum.status, minimum.steps, minimum.calls) == ("exhausted", 10, 20)
    np.testing.assert_allclose(minimum.gradient_norms, (1 - 0.1 * 0.9) ** np.arange(10), rtol=1e-13)


def test_every_evaluation_of_a_line_search_is_counted():
    """The calls of L-BFGS equal its own count, and the curve has a point for each step."""
    minimum = benchbed.minimize(
        weighted_quartic, FAR, "torch.optim:LBFGS[learning_rate=0.5, max_iter=4]", steps=300, tolerance=1e-4
    )
    parameter, evaluations = torch.nn.Parameter(FAR.clone()), 0
    optimizer = torch.optim.LBFGS([parameter], lr=0.5, max_iter=4)

    def closure():
        nonlocal evaluations
        evaluations += 1
        optimizer.zero_grad()
        value = weighted_quartic(parameter)
        value.backward()
        return value

    for _ in range(minimum.steps):
        optimizer.step(closure)
    assert minimum.status == "converged"
    assert minimum.calls == evaluations + 1
    assert len(minimum.losses) == minimum.steps + 1
    np.testing.assert_allclose(minimum.theta, parameter.detach(), rtol=1e-10)


def test_minimize_runs_the_batch_of_a_study(monkeypatch):
    """Hyperparameters reach the factory as tensors, as in a study."""
    received = []
    monkeypatch.setattr(minimization, "run_batch", lambda batch: received.append(batch) or run_batch(batch))
    start = [0.3, -0.2]
    minimum = benchbed.minimize(bowl, torch.tensor(start), "adam[learning_rate=0.1]", steps=50)
    (batch,) = received
    hyperparameters = {"learning_rate": [0.1], "beta1": [0.9], "beta2": [0.999], "epsilon": [1e-8]}
    problem = minimization._FunctionProblem(bowl, torch.tensor(start))
    gradient = load_catalog([]).gradient("reverse")
    # In float32, where 0.1 and its rounding differ.
    record = run_batch(
        batch._replace(problem=problem, factory=adam, hyperparameters=hyperparameters, gradient=gradient)
    )
    np.testing.assert_array_equal(minimum.theta.double(), record.final_theta[0, 0])


@pytest.mark.parametrize(("gradient", "error"), [("forward", 1e-12), ("finite-difference", 1e-8)])
def test_every_gradient_takes_as_many_steps(gradient, error):
    """An evaluation counts as one call here, at any price of the gradient in a study."""
    arguments = {"optimizer": "adam[learning_rate=0.1]", "steps": 30}
    expected = benchbed.minimize(weighted_quartic, FAR, **arguments)
    minimum = benchbed.minimize(weighted_quartic, FAR, **arguments, gradient=gradient)
    assert (minimum.steps, minimum.calls) == (30, 30)
    np.testing.assert_allclose(minimum.theta, expected.theta, rtol=error)
    np.testing.assert_allclose(minimum.gradient_norms, expected.gradient_norms, rtol=error)


@pytest.mark.parametrize(
    "optimizer", [adam(learning_rate=0.1), "adam[learning_rate=0.1]"], ids=["object", "selector"]
)
def test_an_optimizer_is_a_selector_or_an_object(optimizer):
    """An optimizer that a factory returned equals its selector."""
    expected = course_loop(weighted_quartic, FAR, lambda p: torch.optim.Adam(p, lr=0.1), 50, 0.0)
    assert_equals_loop(benchbed.minimize(weighted_quartic, FAR, optimizer, steps=50), expected)


def test_a_factory_may_take_the_layout(monkeypatch):
    """A start of two dimensions is one block of that shape."""
    shapes = []

    def by_block(layout, learning_rate: float = 0.5):
        def update(oracle, state, theta):
            gradient = layout.views(oracle.gradient)["theta"]
            shapes.append(tuple(gradient.shape))
            return theta - learning_rate * layout.join({"theta": gradient}), state

        return Optimizer(init=lambda theta: (), update=update)

    catalog = load_catalog([])
    mine = catalog.optimizer("sgd")._replace(implementation=by_block)
    monkeypatch.setitem(catalog.entries["optimizers"], "by-block", mine)
    monkeypatch.setattr(minimization, "catalog_of", lambda files: catalog)
    minimum = benchbed.minimize(bowl, torch.ones(2, 3), "by-block[learning_rate=0.25]", steps=4)
    assert shapes == [(2, 3)] * 4
    assert torch.equal(minimum.theta, torch.full((2, 3), 0.75**4))


def test_a_factory_may_take_the_budget():
    """`torch.optim.lr_scheduler.OneCycleLR` needs the number of steps: the result equals torch's own loop."""

    def one_cycle(layout, budget, learning_rate: float = 0.1):
        def build(blocks):
            optimizer = torch.optim.Adam(blocks.values(), lr=learning_rate)
            return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, budget)

        return torch_optimizer(build, layout)

    minimum = benchbed.minimize(weighted_quartic, FAR, one_cycle, steps=30)
    theta = torch.nn.Parameter(FAR.clone())
    optimizer = torch.optim.Adam([theta], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=30)
    for _ in range(30):
        optimizer.zero_grad()
        weighted_quartic(theta).backward()
        optimizer.step()
        schedule.step()
    assert torch.equal(minimum.theta, theta.detach())


class BrokenError(Exception):
    """An exception of user code."""


@pytest.mark.parametrize("at", [1, 2, 3, 4, 7])
def test_exceptions_of_the_loss_propagate(at):
    """From any evaluation, with the user's line in the traceback."""
    count = 0

    def loss(theta):
        nonlocal count
        count += 1
        if count == at:
            raise BrokenError("in my loss")
        return bowl(theta)

    with pytest.raises(BrokenError, match="in my loss") as raised:
        benchbed.minimize(loss, [1.0], "adam")
    assert raised.traceback[-1].name == "loss"
    assert count == at


@pytest.mark.parametrize("broken", ["init", "update", "answer"])
def test_exceptions_of_an_optimizer_propagate(broken):
    """From each of its functions."""

    def fail(*arguments):
        raise BrokenError(broken)

    with pytest.raises(BrokenError, match=broken):
        benchbed.minimize(bowl, [1.0], sgd()._replace(**{broken: fail}))


def test_the_loss_is_released():
    """It may hold large data, and the engine caches problems."""

    class Data:
        """Large data."""

    def run():
        data = Data()
        benchbed.minimize(lambda theta: bowl(theta) + 0 * (data is None), [1.0], "sgd", steps=3)
        return weakref.ref(data)

    reference = run()
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": lambda theta: theta}, r"the loss has the shape \(2,\); return a tensor with one number"),
        ({"loss": lambda theta: theta.sum().item()}, "the loss returns a float; return a tensor"),
        ({"loss": lambda theta: theta.detach().sum()}, "the loss does not depend on theta; compute it"),
        ({"loss": lambda theta: theta.log().sum() * torch.nan}, "the loss is nan at theta0; start where it is finite"),
        ({"loss": lambda theta: theta.sum() / 0}, "the loss is inf at theta0"),
        ({"theta0": [1.0, torch.nan]}, "theta0 is not finite; start from finite numbers"),
        ({"theta0": []}, "theta0 is empty; pass at least one real number"),
        ({"theta0": torch.ones(2, dtype=torch.complex64)}, "theta0 is complex; pass at least one real number"),
        ({"steps": 0}, "steps is 0; it must be at least 1"),
        ({"steps": -3}, "steps is -3; it must be at least 1"),
        ({"tolerance": 0.0}, "tolerance is 0.0; it must be positive and finite"),
        ({"tolerance": -1.0}, "tolerance is -1.0; it must be positive and finite"),
        ({"tolerance": torch.nan}, "tolerance is nan; it must be positive and finite"),
        ({"optimizer": "adamm"}, "unknown optimizer 'adamm'; did you mean 'adam'"),
        ({"optimizer": "adam[learning_rat=1]"}, "did you mean 'learning_rate'"),
        ({"optimizer": "adam[learning_rate=[0.1, 0.2]]"}, "lists 2 settings; pass one"),
        ({"optimizer": 3}, "optimizer is a int; pass a selector such as"),
        (
            {"optimizer": torch.optim.SGD([torch.ones(1, requires_grad=True)])},
            "optimizer is a SGD; .* class of torch.optim; functools.partial sets its arguments",
        ),
        ({"gradient": "revers"}, "unknown gradient 'revers'; did you mean 'reverse'"),
    ],
)  # fmt: skip
def test_invalid_arguments_raise_usage_errors(arguments, message):
    """In one line, with the value and the remedy."""
    usual = {"loss": lambda theta: theta.square().sum(), "theta0": [1.0, 1.0], "optimizer": "sgd"}
    with pytest.raises(UsageError, match=message) as raised:
        benchbed.minimize(**(usual | arguments))
    assert "\n" not in str(raised.value)


def test_steps_must_be_an_integer():
    """A fraction raises TypeError."""
    with pytest.raises(TypeError):
        benchbed.minimize(bowl, [1.0], "sgd", steps=2.5)


def test_the_docstring_example_runs():
    """It prints the shown output."""
    results = doctest.testmod(minimization)
    assert results.attempted >= 5
    assert results.failed == 0


def test_the_result_has_a_short_repr():
    """A notebook shows one line instead of the curves."""
    text = repr(benchbed.minimize(bowl, [4, 3], "gd[learning_rate=0.5]", steps=1))
    assert text == (
        "Minimum(loss=3.125, gradient_norm=2.5, exhausted: all 1 evaluations are spent after 1 step)"
    )


def test_the_public_name_is_the_function_after_any_import():
    """No module of the name `minimize` replaces `benchbed.minimize`."""
    import benchbed.minimization

    assert benchbed.minimize is benchbed.minimization.minimize
    assert benchbed.Minimum is benchbed.minimization.Minimum


def test_a_function_or_a_class_runs_with_its_defaults():
    """As its selector does; the class on a matrix of the shape of the start."""
    quartic_start = [[1.5, -2.0], [0.5, 1.0]]
    by_class = benchbed.minimize(
        lambda theta: (theta**4).sum(), quartic_start, torch.optim.Adafactor, steps=20
    )
    by_name = benchbed.minimize(
        lambda theta: (theta**4).sum(), quartic_start, "torch.optim:Adafactor", steps=20
    )
    assert torch.equal(by_class.theta, by_name.theta)

    def descent(lr=0.01):
        return Optimizer(
            init=lambda theta: (), update=lambda oracle, state, theta: (theta - lr * oracle.gradient, state)
        )

    by_function = benchbed.minimize(lambda theta: (theta**2).sum(), [1.0], descent, steps=5)
    assert by_function.theta.item() == pytest.approx(0.98**5)


@pytest.mark.parametrize("factory", [torch.optim.SGD, sgd])
def test_a_partial_sets_the_arguments_of_a_class_or_a_function(factory):
    """A gradient of θ and a rate of 0.1 shrink the point by 0.9 a step."""
    rate = {"lr" if factory is torch.optim.SGD else "learning_rate": 0.1}
    minimum = benchbed.minimize(bowl, [1.0], functools.partial(factory, **rate), steps=5)
    assert minimum.theta.item() == pytest.approx(0.9**5)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(lambda rate: None, "has no default"), (lambda lr=0.1: 3, "returns a int")],
)
def test_an_object_that_is_no_optimizer_is_rejected(optimizer, expected):
    """With the forms that work."""
    with pytest.raises(UsageError, match=expected):
        benchbed.minimize(lambda theta: (theta**2).sum(), [1.0], optimizer)
