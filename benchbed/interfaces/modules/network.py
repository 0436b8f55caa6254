"""Facts about a network that a forward pass on one mini-batch shows."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree  # as in the engine
from torch.utils._python_dispatch import TorchDispatchMode

from benchbed.errors import ContractError
from benchbed.formatting import on_one_line
from benchbed.interfaces.layout import Layout
from benchbed.interfaces.modules.datasets import Samples
from benchbed.interfaces.modules.forward import HOOKS, DrawCall, ForwardPass, RandomCall, record_calls, replay
from benchbed.interfaces.modules.plain_state import Attributes, carried_attributes, changed_attributes
from benchbed.interfaces.modules.stateless import StatelessModule
from benchbed.seeds import seeded_modules

LossOfOutputs = Callable[[Any, Tensor], Tensor]
"""Outputs of the network and targets, `[samples, …]` each -> one number."""


class Network(NamedTuple):
    """A network without parameters of its own, and the facts that problems are made of."""

    training: StatelessModule
    """In `train()` mode."""
    evaluation: StatelessModule
    """In `eval()` mode."""
    layout: Layout
    buffers: tuple[str, ...]
    """Names of the buffers, and of parameters that are not trained, that change in a step or differ between starts."""
    constants: dict[str, Tensor]
    """The other buffers and parameters that are not trained."""
    random_calls: tuple[RandomCall, ...]
    """The random operations of a step, in their order."""
    needs_context: bool
    """Forward passes run in a `ForwardPass`."""
    numbers_per_sample: int
    """Numbers that a forward pass computes for each sample."""

    def run(
        self, function: LossOfOutputs, tensors: Mapping[str, Tensor], samples: Samples, draw: DrawCall,
        is_training: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
        """Return `function` of the outputs and targets, and the buffers afterwards.

        `tensors` are the parameters and buffers by name.
        """
        module, tensors = self.training if is_training else self.evaluation, dict(tensors)
        for name in self.buffers:
            tensors[name] = tensors[name].clone()  # the forward pass writes into buffers
        with ForwardPass(draw) if self.needs_context else nullcontext():
            outputs = module(tensors, *samples[:-1])
            return function(outputs, samples[-1]), {name: tensors[name] for name in self.buffers}


class _Operations(TorchDispatchMode):
    """Counts the numbers that operations compute, and names the random ones."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types here
        self.numbers, self.random = 0, ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.random = self.random or str(func.overloadpacket).removeprefix("aten.")
        if not func.is_view:
            self.numbers += sum(
                leaf.numel() for leaf in pytree.tree_leaves(result) if isinstance(leaf, Tensor)
            )
        return result


def trained_parameters(network: nn.Module) -> dict[str, Tensor]:
    """Return the parameters that an optimizer changes, by name; parameters that are tied count once."""
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def other_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return the buffers and the parameters that are not trained, by name."""
    frozen = {name: tensor for name, tensor in network.named_parameters() if not tensor.requires_grad}
    return {**frozen, **dict(network.named_buffers())}


def examine(build: Callable[[], Any], batch: Samples, loss_of: LossOfOutputs) -> Network:
    """Build a network twice, run it on a mini-batch, and return its facts.

    Raises: ContractError if it cannot be the network of a problem.
    """
    networks = []
    for seed in range(2):
        with seeded_modules(seed):
            networks.append(_checked_network(build()))
    first, second = (other_tensors(network) for network in networks)
    differing = {name for name, tensor in first.items() if not torch.equal(tensor, second[name])}
    network = networks[0]
    layout = Layout({name: tuple(tensor.shape) for name, tensor in trained_parameters(network).items()})
    random_calls: list[RandomCall] = []
    trial, operations = copy.deepcopy(network).train(), _Operations()
    context = ForwardPass(record_calls(random_calls))
    dtype = next(iter(trained_parameters(network).values())).dtype
    samples = [part.to(dtype) if part.is_floating_point() else part for part in batch]
    with seeded_modules(0), torch.enable_grad(), context, operations:
        loss = loss_of(trial(*samples[:-1]), samples[-1])
    if operations.random:
        raise ContractError(
            f"its network draws random numbers by `{operations.random}`, which cannot be repeated; use dropout layers, "
            "torch.rand_like, torch.randn_like or torch.bernoulli"
        )
    shape = getattr(loss, "shape", None)
    if shape != ():
        kind = f"a {type(loss).__name__}" if shape is None else f"the shape {tuple(shape)}"
        raise ContractError(f"its loss_of returns {kind}; return one number, the mean over the samples")
    if not loss.requires_grad:
        raise ContractError(
            "its loss has no derivative; leave out `.detach()`, `.item()` and `torch.no_grad()`"
        )
    after = other_tensors(trial)
    if unnamed := first.keys() ^ after.keys():
        raise ContractError(
            f"its forward pass adds, removes or separates the buffers {', '.join(sorted(unnamed))}; register each as a "
            "tensor of its own, such as torch.zeros(3), and keep one there"
        )
    computed = _computed_attributes(network, samples)
    changed = {name for name, tensor in first.items() if not torch.equal(tensor, after[name])}
    buffers = tuple(name for name in first if name in changed | differing)
    result = Network(
        StatelessModule(copy.deepcopy(network).train(), computed),
        StatelessModule(copy.deepcopy(network).eval(), computed),
        layout,
        buffers,
        {name: tensor.detach() for name, tensor in first.items() if name not in buffers},
        tuple(random_calls),
        context.is_needed,
        operations.numbers // len(batch[0]),
    )
    _check_vmap(result, network, tuple(samples), loss_of)
    return result


def _computed_attributes(network: nn.Module, samples: Sequence[Tensor]) -> Attributes:
    """Return the attributes that passes compute. Raises: ContractError if one carries values to the next pass."""
    with seeded_modules(0), torch.enable_grad(), ForwardPass(record_calls([])):
        computed = changed_attributes(network, samples[:-1])
        carried = carried_attributes(network, samples[:-1], computed)
    if carried:
        raise ContractError(
            f"its network carries values in the attributes {', '.join(sorted(carried))} to the next pass, which is "
            "not that of the same trial; register each as a buffer, or compute it in each pass"
        )
    return computed


def _check_vmap(network: Network, module: nn.Module, samples: Samples, loss_of: LossOfOutputs) -> None:
    """Check that the network runs for two seeds and two settings at once. Raises: ContractError if it does not."""
    names = [*network.layout.blocks, *network.buffers]
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    lanes = {name: tensors[name].detach().expand(2, 2, *tensors[name].shape).clone() for name in names}
    of_seeds = tuple(part.expand(2, *part.shape) for part in samples)
    noise = [
        torch.ones(call.shape, dtype=torch.bool if call.dropout else None) for call in network.random_calls
    ]

    trained = [lanes[name].requires_grad_() for name in network.layout.blocks]

    def loss(tensors: dict[str, Tensor], samples: Samples) -> Tensor:
        return network.run(loss_of, tensors, samples, replay(noise), is_training=True)[0]

    try:
        with torch.enable_grad():
            losses = torch.func.vmap(torch.func.vmap(loss, (0, None)))(lanes, of_seeds)
            torch.autograd.grad(losses.sum(), trained, allow_unused=True)
    except RuntimeError as error:
        raise ContractError(
            f"its network does not run for several trials at once ({on_one_line(str(error), 200)}); choose by "
            "torch.where instead of `if` and `.item()`, give batch normalization a number as momentum and each "
            "autograd.Function `setup_context` and `generate_vmap_rule = True`, and leave out torch.utils.checkpoint"
        ) from error


def _checked_network(network: Any) -> nn.Module:
    if not isinstance(network, nn.Module):
        raise ContractError(f"make_network returns a {type(network).__name__}; return a torch.nn.Module")
    if any(is_lazy(parameter) for parameter in network.parameters()):
        raise ContractError("its network has lazy layers without sizes; name the sizes of their inputs")
    for module in network.modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and (fault := _fault_of_embedding(module)):
            raise ContractError(f"its network has a layer {type(module).__name__} with {fault}")
    if any(_has_gradient_hooks(part) for part in (*network.modules(), *network.parameters())):
        raise ContractError(f"its network has {HOOKS}")
    if not trained_parameters(network):
        raise ContractError("its network has no parameters to train; let some have requires_grad=True")
    return network


def _has_gradient_hooks(part: object) -> bool:
    names = ("_backward_hooks", "_backward_pre_hooks", "_post_accumulate_grad_hooks")
    return any(getattr(part, name, None) for name in names)


def _fault_of_embedding(layer: nn.Embedding | nn.EmbeddingBag) -> str:
    if layer.max_norm is not None:
        return "max_norm, which writes into its parameters; scale the embeddings in `forward` instead"
    return "sparse=True, whose gradients are not vectors; leave it out" if layer.sparse else ""
