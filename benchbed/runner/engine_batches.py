"""Batches of the engine, from the names and numbers of planned batches."""

import contextlib
import functools

import torch

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import convert_hyperparameter, factory_arguments
from benchbed.checkpoints import affordable_steps
from benchbed.engine import Batch, scale_of
from benchbed.errors import ContractError, UnknownOptimumError
from benchbed.formatting import shortened
from benchbed.interfaces import Gradient, NotServedError, Problem
from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.devices import device_here
from benchbed.seeds import InstanceSeed


def engine_batch(plan: Plan, batch: BatchPlan, catalog: Catalog, is_measured: bool = True) -> Batch:
    """Resolve the names of a batch in the catalog; a batch that is only checked needs no scale."""
    problem = with_drawn_noise(catalog.problem(batch.problem.name, batch.problem.parameters))
    factory = catalog.optimizer(batch.optimizer).implementation
    first = batch.settings[0]
    parameters = catalog.parameters(batch.optimizer)
    # JSON has changed tuples to lists.
    statics = {
        name: convert_hyperparameter(batch.optimizer, parameters[name], first[name]) for name in batch.statics
    }
    # The engine skips a batch whose budget pays for no step.
    steps = max(1, affordable_steps(batch.problem.budget, batch.price))
    return Batch(
        problem=problem,
        factory=factory,
        statics=factory_arguments(factory, statics, problem.layout, steps),
        hyperparameters={
            name: [float(setting[name]) for setting in batch.settings]
            for name in first
            if name not in batch.statics
        },
        settings=len(batch.settings),
        seeds=[InstanceSeed(plan.study_seed, batch.problem.name, batch.role, seed) for seed in batch.seeds],
        budget=batch.problem.budget,
        targets=batch.problem.targets,
        target_metric=batch.problem.target_metric,
        scale=cached_scale(problem, batch.problem.name, plan.study_seed)[0] if is_measured else None,
        gradient=problem.change_gradient(_warmed_up(catalog.gradient(plan.gradient))),
        metrics={name: catalog.entry("metrics", name).implementation for name in plan.metrics},
        dtype=batch.problem.dtype,
        device=device_here(plan.device),
        every_step=plan.checkpoints == "all",
        engine=plan.engine,
        tolerance=plan.tolerance,
        stop_when_solved=plan.stop_when_solved,
    )


@functools.cache
def _warmed_up(gradient: Gradient) -> Gradient:
    """Call a gradient once a process: torch takes seconds to load some modules, which no step should include."""
    point = torch.ones(1, 1, 1, dtype=torch.float64)
    draws = None if gradient.make_draws is None else gradient.make_draws(torch.Generator(), 1, 1)
    with torch.no_grad(), contextlib.suppress(NotServedError):
        gradient(lambda theta: theta.square().sum(-1), point, draws)
    return gradient


@functools.lru_cache(maxsize=64)
def cached_scale(problem: Problem, name: str, study_seed: int) -> tuple[float | None, str | None]:
    """Return the scale of a problem and why it is unknown, if it has an optimum; measured once a process.

    Problems with equal parameters are equal keys.
    """
    try:
        return scale_of(problem, name, study_seed), None
    except UnknownOptimumError as error:
        return None, str(error)
    except ContractError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the trials run without it, and store the reason)
        return None, shortened(f"the scale of problem {name!r} raises {type(error).__name__}: {error}", 300)
