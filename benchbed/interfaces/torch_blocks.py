"""`torch.optim` classes as optimizers: the blocks of a layout become the parameters that a class updates."""

import inspect
import operator
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from benchbed.errors import ContractError
from benchbed.interfaces.layout import Layout
from benchbed.interfaces.optimizer import Optimizer, Oracle
from benchbed.interfaces.torch_rates import at_rate, nested_optimizers, scaled_rates

NEEDS_GRAPH = (
    "its step differentiates the gradient, as for Hessian-vector products, whose calls would not be counted; choose a "
    "class that takes gradients as they are, or write the rule as an optimizer that asks `oracle.at` for further ones"
)

Built = torch.optim.Optimizer | Sequence[torch.optim.Optimizer | LRScheduler]
"""One optimizer, or optimizers in the order of their steps, and schedulers, which step after them."""


@dataclass(eq=False)
class TorchState:
    """The parameters of a trial, and the objects that update them."""

    theta: Tensor
    """The memory of the parameters, `[dimension]`, unless a class gives a parameter other memory."""
    blocks: tuple[Parameter, ...]
    views: tuple[Tensor, ...]
    """The blocks in `theta`."""
    addresses: list[int]
    """Those of the blocks in `theta`."""
    optimizers: tuple[torch.optim.Optimizer, ...]
    needs_closure: bool
    """The first optimizer may evaluate a closure."""
    schedulers: tuple[LRScheduler, ...]
    averaging: tuple[Any, ...]
    """The optimizers with `train()` and `eval()`, which are measured at another point than they step from."""
    has_stepped: bool = False
    rate_factor: float = 1.0
    """Multiplies the learning rates in this step."""


def torch_optimizer(
    build: Callable[[dict[str, Parameter]], Built], layout: Layout | None = None
) -> Optimizer[TorchState]:
    """Return the optimizer that steps the torch optimizers and schedulers of `build`, as in a training loop.

    `build` receives the blocks of the layout as parameters by name (without a layout, the whole vector as "theta") and
    returns an optimizer, or a tuple of optimizers and schedulers. Each step calls `step()` of the optimizers and then
    of the schedulers, in order. The first optimizer receives a closure; each evaluation by it at another point costs a
    call. Optimizers with `train()` and `eval()` train in the first mode and are measured in the second.
    """

    def init(theta: Tensor) -> TorchState:
        storage = theta.detach().clone()
        views = (layout or Layout({"theta": tuple(theta.shape)})).views(storage)
        blocks = {name: Parameter(view) for name, view in views.items()}
        with torch.enable_grad():
            built = build(blocks)
        members = tuple(built) if isinstance(built, tuple | list) else (built,)
        optimizers = tuple(member for member in members if isinstance(member, torch.optim.Optimizer))
        schedulers = tuple(member for member in members if isinstance(member, LRScheduler))
        if not optimizers or len(optimizers) + len(schedulers) < len(members):
            kinds = ", ".join(type(member).__name__ for member in members)
            raise ContractError(
                f"`build` of torch_optimizer returns {kinds or 'nothing'}; return a torch.optim.Optimizer, or a tuple "
                "of these and of subclasses of torch.optim.lr_scheduler.LRScheduler, such as LambdaLR"
            )
        averaging: tuple[Any, ...] = tuple(
            optimizer for optimizer in nested_optimizers(optimizers) if hasattr(optimizer, "eval")
        )
        for optimizer in averaging:
            optimizer.train()
        addresses = [view.data_ptr() for view in views.values()]
        parameters = tuple(blocks.values())
        return TorchState(
            storage, parameters, tuple(views.values()), addresses, optimizers, _needs_closure(optimizers[0]),
            schedulers, averaging,
        )  # fmt: skip

    optimizer = Optimizer(init=init, update=update_blocks, answer=_answer, stateful=True)
    return optimizer._replace(at_rate=lambda factor: at_rate(optimizer, factor))


def bytes_of(state: TorchState) -> int:
    """Count the bytes of the tensors that the optimizers keep beside the parameters."""
    excluded = {id(block) for block in state.blocks}
    pending: list[Any] = [
        getattr(optimizer, "state", None)  # wrappers may lack it
        for optimizer in nested_optimizers(state.optimizers)
    ]
    seen, total = set[int](), 0
    while pending:
        value = pending.pop()
        if id(value) in seen or id(value) in excluded:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            total += value.nbytes
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list | tuple | set):
            pending += value
    return total


def update_blocks(oracle: Oracle, state: TorchState, theta: Tensor) -> tuple[Tensor, TorchState]:
    """Run one step at `theta: [dimension]`; its first evaluation at theta is already counted."""
    set_point(state, theta)
    _set_gradient(state, oracle.gradient)

    def evaluate(is_counted: bool) -> Tensor:
        loss, gradient = (oracle.loss, oracle.gradient) if is_counted else oracle.at(point_of(state))
        _set_gradient(state, gradient)
        return loss

    with torch.enable_grad():  # as in a training loop, though the engine disables gradients
        step_blocks(state, oracle.loss, evaluate)
    return point_of(state), state


def step_blocks(state: TorchState, loss: Tensor, evaluate: Callable[[bool], Tensor]) -> None:
    """Run one step of the optimizers and schedulers on blocks that have their gradients and the loss.

    `evaluate` computes both again and returns the loss; its argument is whether this point has been counted.

    Raises: ContractError if a class differentiates the gradient.
    """
    state.has_stepped = True
    first, *further = state.optimizers
    try:
        with scaled_rates(state.optimizers, state.rate_factor):
            if state.needs_closure:
                first.step(_closure(state, loss, evaluate))  # type: ignore[arg-type]  # it returns a tensor, as usual
            else:
                first.step()
            for optimizer in further:
                optimizer.step()
    except RuntimeError as error:
        if _is_from_autograd(error):
            raise ContractError(NEEDS_GRAPH) from error
        raise
    for scheduler in state.schedulers:
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(loss)
        else:
            scheduler.step()


def _is_from_autograd(error: RuntimeError) -> bool:
    """Return whether a class has called torch.autograd itself, and not through its closure."""
    names = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)][1:]
    return any(name.startswith("torch.autograd") for name in names) and not any(
        name.startswith("benchbed.") for name in names
    )


def _needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether a class may use a closure; torch's own evaluate an optional one only to return its value."""
    signature = inspect.signature(type(optimizer).step)  # schedulers wrap the method of the instance
    if type(optimizer).__module__.startswith("torch.optim."):
        return signature.parameters["closure"].default is not None
    try:
        signature.bind(optimizer, None)
    except TypeError:  # step(self) takes no closure
        return False
    return True


def _closure(state: TorchState, loss: Tensor, evaluate: Callable[[bool], Tensor]) -> Callable[[], Tensor]:
    """Return the closure of a step; its first evaluation is free if neither parameters nor gradients have changed."""
    before, gradients = point_of(state), [block.grad for block in state.blocks]
    versions = [gradient._version for gradient in gradients if gradient is not None]
    is_first = True

    def closure() -> Tensor:
        nonlocal is_first
        is_counted = is_first and torch.equal(_memory(state), before)
        is_first = False
        are_same = all(map(operator.is_, [block.grad for block in state.blocks], gradients))
        if (
            is_counted
            and are_same
            and versions == [gradient._version for gradient in gradients if gradient is not None]
        ):
            return loss
        with torch.enable_grad():  # some classes call it where gradients are disabled
            return evaluate(is_counted).detach()

    return closure


def _answer(state: TorchState, theta: Tensor) -> Tensor:
    """Return the point of the evaluation mode; the training goes on from the same bits as without a measurement."""
    if not (state.averaging and state.has_stepped):  # at the start there is nothing to average
        return theta
    with torch.no_grad():
        for optimizer in state.averaging:
            optimizer.eval()
        point = point_of(state)
        for optimizer in state.averaging:
            optimizer.train()
        set_point(state, theta)
    return point


def point_of(state: TorchState) -> Tensor:
    """Return a copy of the parameters as a vector."""
    return state.theta.clone() if _is_in_place(state) else _memory(state)


def set_point(state: TorchState, theta: Tensor) -> None:
    """Set the parameters to `theta: [dimension]`."""
    state.theta.copy_(theta)
    if not _is_in_place(state):
        for block, view in zip(state.blocks, state.views, strict=True):
            block.data.copy_(view)


def _memory(state: TorchState) -> Tensor:
    """Return the parameters as a vector, which may be their memory."""
    if _is_in_place(state):
        return state.theta
    return torch.cat([block.detach().flatten() for block in state.blocks])


def _set_gradient(state: TorchState, gradient: Tensor) -> None:
    """Store a gradient `[dimension]` in the blocks; a copy, because classes write into it."""
    copies = gradient.clone().split_with_sizes([block.numel() for block in state.blocks])
    for block, copy in zip(state.blocks, copies, strict=True):
        block.grad = copy.view(block.shape)


def _is_in_place(state: TorchState) -> bool:
    """Return whether all parameters still lie in `state.theta`."""
    return [block.data_ptr() for block in state.blocks] == state.addresses
