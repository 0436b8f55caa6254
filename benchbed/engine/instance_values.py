"""Checks of the values that define an instance: its start, data, draws and optimum. They cost little and always run."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # as in `benchbed.engine.pytrees`

from benchbed.engine.pytrees import Tree, TreeTemplate
from benchbed.errors import ContractError


def checked_start(start: Any, dimension: int, problem: str) -> Tensor:
    """Return a start. Raises: ContractError unless it is a finite vector of the problem's dimension."""
    if not isinstance(start, Tensor):
        fault = f"a {type(start).__name__}; return a tensor [dimension] in float64"
    elif start.shape != (dimension,):
        fault = (
            f"the shape {tuple(start.shape)}, but its layout has dimension {dimension}; return [dimension]"
        )
    elif not start.is_floating_point():
        fault = f"{start.dtype}; return floating-point numbers, in float64"
    elif not torch.isfinite(start).all():
        fault = "a number that is not finite; start where the objective is defined"
    else:
        return start
    raise ContractError(f"make_start of problem {problem!r} returns {fault}")


def checked_draws(draws: Tree, steps: int, owner: str) -> Tree:
    """Return the draws of a block. Raises: ContractError if a leaf is not a tensor `[steps, …]`."""
    for leaf in pytree.tree_leaves(draws):
        if leaf is None or (isinstance(leaf, Tensor) and leaf.shape[:1] == (steps,)):
            continue
        description = (
            f"the shape {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else f"a {type(leaf).__name__}"
        )
        raise ContractError(
            f"make_draws of {owner} returns {description} for {steps} steps; return tensors [steps, …]"
        )
    return draws


def checked_optimum(optimum: Any, instances: int, problem: str) -> Tensor:
    """Return the optimum of each instance, `[instances, 1]` in float64.

    Raises: ContractError if its shape does not fit.
    """
    values = torch.as_tensor(optimum)
    if values.is_complex() or values.shape not in {(), (1,), (1, 1), (instances, 1)}:
        raise ContractError(
            f"optimum of problem {problem!r} returns the shape {tuple(values.shape)} and {values.dtype} for "
            f"{instances} instances; return a real number for each, [{instances}, 1], reduced by `.sum(dim=-1)`"
        )
    return values.double().expand(instances, 1)


def require_equal_constants(data: Sequence[Tree], problem: str) -> None:
    """Check that data of instances differ in their tensors alone, because all instances share the other leaves.

    Raises: ContractError if they do not.
    """
    if all(leaf is None or isinstance(leaf, Tensor) for leaf in pytree.tree_leaves(data[0])):
        return
    try:
        template = TreeTemplate(data[0])
        for instance in data[1:]:
            template.require_match(instance)
    except (TypeError, ValueError) as error:  # NumPy arrays have no single truth value
        raise ContractError(
            f"make_data of problem {problem!r} returns values that are not tensors and differ between instances; "
            "return tensors"
        ) from error
