"""A forward pass of a network for many trials: random operations become draws, recurrent layers plain operations."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F  # noqa: N812 (torch's usual name)
from torch.overrides import TorchFunctionMode

from benchbed.errors import ContractError
from benchbed.interfaces.modules import plain_layers, plain_losses
from benchbed.interfaces.modules.recurrent import CELLS, run_layers

NOT_ALIKE = (
    "the forward pass draws other random numbers than on the first batch; draw the same shapes in every step"
)
HOOKS = (
    "hooks on gradients, which do not run for several trials at once; change the value in `forward` instead, such as "
    "`mask * weight + (1 - mask) * weight.detach()`"
)


class RandomCall(NamedTuple):
    """A random operation of a forward pass."""

    shape: tuple[int, ...]
    is_normal: bool = False
    """Standard normal numbers; otherwise uniform ones in [0, 1)."""
    dropout: float | None = None
    """Probability that an element is dropped; None for an operation that uses the numbers themselves."""

    def draw(self, generator: Generator, steps: int) -> Tensor:
        """Draw the numbers of some steps, `[steps, *shape]`: a mask of the elements that stay, or numbers."""
        shape = (steps, *self.shape)
        if self.is_normal:
            return torch.randn(shape, generator=generator, dtype=torch.float64)
        if self.dropout is None:
            return torch.rand(shape, generator=generator, dtype=torch.float64)
        return torch.rand(shape, generator=generator) >= self.dropout


DrawCall = Callable[[RandomCall, Tensor], Tensor | None]
"""A random operation and a tensor like its result -> its numbers; None to leave the noise out."""


class ForwardPass(TorchFunctionMode):
    """A context in which the random operations of a network take their numbers from a function."""

    def __init__(self, draw: DrawCall) -> None:
        super().__init__()
        self._draw = draw
        self.is_needed = False
        """An operation ran that needs this context."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run one function of torch."""
        handler = _HANDLERS.get(func)
        is_torchs = func is F.cross_entropy and not (kwargs or {}).get("label_smoothing")
        if handler is None or is_torchs:
            return func(*args, **(kwargs or {}))
        self.is_needed = True
        return handler(self, *args, **(kwargs or {}))

    def drop(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        """Drop elements with probability `p` and scale the others."""
        return self._drop(x, p, training, inplace, tuple(x.shape))

    def drop_channels(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, unbatched: int = 0
    ) -> Tensor:
        """Drop whole channels of `x: [batch, channels, …]`, or `[channels, …]` if it has `unbatched` dimensions."""
        leading = 1 if x.dim() == unbatched else 2
        return self._drop(x, p, training, inplace, (*x.shape[:leading], *[1] * (x.dim() - leading)))

    def uniform(self, x: Tensor, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
        """Draw uniform numbers in the shape of `x`, as `torch.rand_like`."""
        return self._numbers(RandomCall(tuple(x.shape)), x, dtype or x.dtype, options)

    def normal(self, x: Tensor, *, dtype: torch.dtype | None = None, **options: Any) -> Tensor:
        """Draw standard normal numbers in the shape of `x`, as `torch.randn_like`."""
        return self._numbers(RandomCall(tuple(x.shape), is_normal=True), x, dtype or x.dtype, options)

    def bernoulli(self, x: Tensor, p: float | None = None, **options: Any) -> Tensor:
        """Draw 1 with the probabilities `x`, or `p` if it is a number, and 0 otherwise."""
        dtype = x.dtype if p is None else torch.get_default_dtype()
        numbers = self._numbers(RandomCall(tuple(x.shape)), x, dtype, options)
        return (numbers < (x if p is None else p)).to(x.dtype)

    def attend(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
        dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        """Compute scaled dot-product attention by its formula: torch's kernels have no rule for `torch.func.vmap`."""
        if enable_gqa:
            heads = query.shape[-3] // key.shape[-3]
            key, value = (part.repeat_interleave(heads, dim=-3) for part in (key, value))
        weights = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            is_allowed = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device).tril()
            weights = weights.masked_fill(~is_allowed, -torch.inf).softmax(dim=-1)
        elif attn_mask is None:
            weights = weights.softmax(dim=-1)
        else:
            is_allowed = attn_mask if attn_mask.dtype == torch.bool else attn_mask > -torch.inf
            is_empty = ~is_allowed.any(dim=-1, keepdim=True)  # the softmax of such a row would be NaN
            weights = (
                weights.masked_fill(~is_allowed, -torch.inf)
                if is_allowed is attn_mask
                else weights + attn_mask
            )
            weights = weights.masked_fill(is_empty, 0).softmax(dim=-1).masked_fill(is_empty, 0)
        return self.drop(weights, dropout_p) @ value

    def attend_with_heads(self, *args: Any, **kwargs: Any) -> Any:
        """Run torch's multi-head attention, which calls dropout and attention by their names in its module."""
        with replaced_functions(F, dropout=self.drop, scaled_dot_product_attention=self.attend):
            return F.multi_head_attention_forward(*args, **kwargs)

    def _drop(self, x: Tensor, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Tensor:
        if not training or p == 0.0:
            return x
        mask = self._draw(RandomCall(shape, dropout=p), x)
        if mask is None:
            return x
        dropped = torch.where(mask, x / (1 - p), 0) if p < 1 else torch.zeros_like(x)
        return x.copy_(dropped) if inplace else dropped

    def _numbers(self, call: RandomCall, like: Tensor, dtype: torch.dtype, options: dict[str, Any]) -> Tensor:
        for name, value in options.items():
            if value not in (None, False, getattr(like, name, None)):
                raise ContractError(
                    f"the network draws random numbers with {name}={value!r}; of the options of torch.rand_like and "
                    "torch.randn_like choose only `dtype`, and of those of torch.bernoulli only `p`"
                )
        if not dtype.is_floating_point:
            raise ContractError(
                f"the network draws random numbers in the shape and type of a tensor of {dtype}; pass a dtype, such as "
                "torch.rand_like(x, dtype=torch.float32)"
            )
        numbers = self._draw(call, like)
        if numbers is None:
            raise ContractError(
                "the network draws random numbers outside of training or for a `full_batch` optimizer; draw them only "
                "`if self.training`, and choose an optimizer that takes mini-batches"
            )
        return numbers.to(dtype)


@contextmanager
def replaced_functions(module: Any, **functions: Any) -> Iterator[None]:
    """Replace functions of a module by name, for a context."""
    before = {name: getattr(module, name) for name in functions}
    try:
        for name, function in functions.items():
            setattr(module, name, function)
        yield
    finally:
        for name, function in before.items():
            setattr(module, name, function)


def _reject_hook(*args: Any, **kwargs: Any) -> None:
    raise ContractError(f"its forward pass registers {HOOKS}")


def _run_recurrent(cell_of: Any, forward: ForwardPass, *args: Any) -> tuple[Tensor, ...]:
    return run_layers(CELLS[cell_of], forward.drop, *args)


def _without_draws(function: Callable[..., Any], forward: ForwardPass, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


_HANDLERS: dict[Any, Callable[..., Any]] = {
    Tensor.register_hook: _reject_hook,
    Tensor.register_post_accumulate_grad_hook: _reject_hook,
    F.dropout: ForwardPass.drop,
    torch.dropout: ForwardPass.drop,
    F.dropout1d: partial(ForwardPass.drop_channels, unbatched=2),
    F.dropout2d: ForwardPass.drop_channels,  # whose input always begins with the batch
    F.dropout3d: partial(ForwardPass.drop_channels, unbatched=4),
    torch.rand_like: ForwardPass.uniform,
    torch.randn_like: ForwardPass.normal,
    torch.bernoulli: ForwardPass.bernoulli,
    F.scaled_dot_product_attention: ForwardPass.attend,
    torch._nested_tensor_from_mask_left_aligned: lambda *_: False,  # no nested tensors under `vmap`
    F.multi_head_attention_forward: ForwardPass.attend_with_heads,
    F.normalize: partial(_without_draws, plain_layers.normalize),
    F.bilinear: partial(_without_draws, plain_layers.bilinear),
    torch.bilinear: partial(_without_draws, plain_layers.bilinear),
    F.embedding: partial(_without_draws, plain_layers.embedding),
    F.embedding_bag: partial(_without_draws, plain_layers.embedding_bag),
    torch._weight_norm: partial(_without_draws, plain_layers.weight_norm),
    **{function: partial(_without_draws, plain) for function, plain in plain_losses.LOSSES.items()},
    **{function: partial(_run_recurrent, function) for function in CELLS},
    **{
        function: partial(_without_draws, partial(plain_layers.run_cell, cell))
        for function, cell in plain_layers.SINGLE_CELLS.items()
    },
}


def without_noise(call: RandomCall, like: Tensor) -> None:
    """Leave out the noise of a random operation."""
    return


def record_calls(calls: list[RandomCall]) -> DrawCall:
    """Return a function that appends each random operation to `calls`, and returns ones."""

    def record(call: RandomCall, like: Tensor) -> Tensor:
        calls.append(call)
        return torch.ones(call.shape, dtype=like.dtype if call.dropout is None else torch.bool)

    return record


def replay(draws: Sequence[Tensor]) -> DrawCall:
    """Return a function that returns these draws, one for each random operation, in their order."""
    remaining = iter(draws)

    def next_draw(call: RandomCall, like: Tensor) -> Tensor:
        numbers = next(remaining, None)
        if numbers is None or tuple(numbers.shape) != call.shape:
            raise ContractError(NOT_ALIKE)
        return numbers

    return next_draw
