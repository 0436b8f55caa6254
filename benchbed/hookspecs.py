"""The hooks by which plugins register problems, optimizers and more; the built-in ones are registered the same way.

A plugin is a module named by an entry point of the group `benchbed`::

    # pyproject.toml:  [project.entry-points.benchbed]
    #                  mine = "my_package"
    from benchbed.hookspecs import hookimpl

    @hookimpl
    def register_optimizers(register):
        register(softsign)

`register(implementation)` validates its argument at once. The default name is that of the function or class, with
hyphens; `register(implementation, name="…")` sets another. `register(softsign, family="sign")` states the family of an
optimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import pluggy

if TYPE_CHECKING:  # `benchbed --help` imports this module and must not import torch
    import click

    from benchbed.interfaces import (
        ExecutorFactory,
        Figure,
        Gradient,
        OptimizerFactory,
        Problem,
        RegisteredMetric,
        Report,
        Transform,
        Wrapper,
    )

GROUP = "benchbed"
COMMAND_GROUP = "benchbed.commands"
"""Entry points of modules that implement `register_commands`; `benchbed --help` imports no others."""
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
T_contra = TypeVar("T_contra", contravariant=True)


class Register(Protocol[T_contra]):
    """The function that a hook receives."""

    def __call__(self, implementation: T_contra, name: str | None = None, family: str | None = None) -> None:
        """Validate an object and add it to the catalog; raises InvalidPluginError at the plugin's own line.

        `family` is the family of an optimizer, such as "adaptive", by which `benchbed list optimizers` groups.
        """


@hookspec
def register_problems(register: Register[type[Problem]]) -> None:
    """Register problems: frozen dataclasses that subclass `benchbed.interfaces.Problem`: `register(MyProblem)`."""


@hookspec
def register_optimizers(register: Register[OptimizerFactory]) -> None:
    """Register optimizers: functions that return a `benchbed.interfaces.Optimizer`: `register(softsign)`.

    The families of the built-in ones are first-order, adaptive, sign, averaging, matrix and quasi-newton.
    """


@hookspec
def register_wrappers(register: Register[Wrapper]) -> None:
    """Register wrappers: functions from an optimizer to an optimizer, used as `mine(adam, a=1)`: `register(mine)`.

    Further parameters are hyperparameters, as those of an optimizer. Parameters `learning_rate`, `layout` and `budget`
    receive the values of the wrapped optimizer and of the trial.
    """


@hookspec
def register_transforms(register: Register[Transform]) -> None:
    """Register transforms: functions from a problem to a problem, used as `mine(quadratic, a=1)`: `register(Mine)`.

    Further parameters need defaults, and are parameters of the transformed problem. Most transforms are subclasses of
    `benchbed.interfaces.TransformedProblem`.
    """


@hookspec
def register_metrics(register: Register[RegisteredMetric]) -> None:
    """Register metrics of the final point that apply to many problems: `register(distance_to_solution)`."""


@hookspec
def register_gradients(register: Register[Gradient]) -> None:
    """Register ways to differentiate: functions `(function, theta) -> (loss, gradient)` that work on all lanes at once.

    `register(mine)` registers one that costs 1 call; `register(Gradient(mine, price=lambda dimension: 2 / 3 *
    dimension))` sets the price. `benchbed.interfaces.Gradient` lists the further fields: random draws, and separate
    functions for `torch.func.vmap` and for compiled steps. Raise `benchbed.interfaces.NotServedError` for a loss that
    the gradient cannot differentiate: its trials are skipped for that reason.
    """


@hookspec
def register_executors(register: Register[ExecutorFactory]) -> None:
    """Register executors: functions from the number of jobs to a `concurrent.futures.Executor`: `register(serial)`."""


@hookspec
def register_reports(register: Register[Report]) -> None:
    """Register reports: objects with `pieces(results)` and `draw(results, piece)`, which return files as bytes."""


@hookspec
def register_figures(register: Register[Figure]) -> None:
    """Register figures of suites: `register(Figure("edge", "Divergence", draw="mine.edge:draw", suite="mine"))`."""


@hookspec
def register_suites(register: Register[Path]) -> None:
    """Register suites: paths of TOML files, named by their stems: `register(Path(__file__).parent / "mine.toml")`."""


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """Register commands of `benchbed`: click commands, named as they are typed: `register(my_command)`.

    The module that implements this hook is named by an entry point of the group `benchbed.commands`::

        # [project.entry-points."benchbed.commands"]
        # mine = "my_package.commands"

    `benchbed --help` imports that module, so import torch and pandas inside the command's function. A command returns
    its exit code, or None for 0.
    """
