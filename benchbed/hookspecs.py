"""Name the hooks through which everything enters benchbed, its own parts included.

A plugin is a module named by an entry point of the group `benchbed`::

    # pyproject.toml:  [project.entry-points.benchbed]
    #                  mine = "my_package"
    from benchbed.hookspecs import hookimpl

    @hookimpl
    def register_optimizers(register):
        register(signum)

`register(thing)` validates at once; its name is the function's or the class's, written with hyphens, unless
`register(thing, name="…")` says otherwise.
"""

from collections.abc import Callable
from typing import Any, Protocol

import pluggy

from benchbed.interfaces import Figure, Gradient, OptimizerFactory, Problem, RegisteredMetric

GROUP = "benchbed"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Register(Protocol):
    """Take one thing into the catalog."""

    def __call__(self, thing: Any, name: str | None = None) -> None:
        """Validate `thing` and enter it; raises InvalidPluginError at the plugin's own line."""


@hookspec
def register_problems(register: Callable[[type[Problem]], None]) -> None:
    """Offer problems: frozen dataclasses that subclass `benchbed.interfaces.Problem`: `register(MyProblem)`."""


@hookspec
def register_optimizers(register: Callable[[OptimizerFactory], None]) -> None:
    """Offer optimizers: factories returning `benchbed.interfaces.Optimizer`: `register(signum)`."""


@hookspec
def register_metrics(register: Callable[[RegisteredMetric], None]) -> None:
    """Offer measures of the final point that serve many problems: `register(distance_to_solution)`."""


@hookspec
def register_gradients(register: Callable[[Gradient], None]) -> None:
    """Offer ways to differentiate: functions `(function, theta) -> (loss, gradient)`, in all lanes at once.

    `register(mine)` is one that costs 1 call; `register(Gradient(mine, price=lambda dimension: 2 / 3 * dimension))`
    says what it costs. `benchbed.interfaces.Gradient` says what else it may have: random draws, forms of its own under
    `torch.func.vmap` and in compiled programs. Raise `benchbed.interfaces.NotServedError` for a loss that it cannot
    differentiate: its trials are skipped, with that reason.
    """


@hookspec
def register_executors(register: Callable[[Callable[[int], Any]], None]) -> None:
    """Offer executors: functions from the number of jobs to a `concurrent.futures.Executor`: `register(serial)`."""


@hookspec
def register_reports(register: Callable[[Any], None]) -> None:
    """Offer reports: objects with `pieces(results)` and `draw(results, piece)`, giving files as bytes by name."""


@hookspec
def register_figures(register: Callable[[Figure], None]) -> None:
    """Offer figures of suites: `register(Figure("edge", "Where it diverges", draw="mine.edge:draw", suite="mine"))`."""


@hookspec
def register_suites(register: Callable[[Any], None]) -> None:
    """Offer suites: paths of TOML files, named by their stems: `register(Path(__file__).parent / "mine.toml")`."""
