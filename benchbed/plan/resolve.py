"""Resolution of a request to a plan; errors are raised before any trial runs."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import torch

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import PROBE, factory_arguments
from benchbed.catalog.torch_optim import with_nested
from benchbed.catalog.validation import check_facts
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import Engine, Optimizer, Problem
from benchbed.plan.model import USUAL_TRACKS, Plan
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.presets import budget_of, learning_rates, preset_of
from benchbed.plan.problem_traits import ProblemTraits, traits_of
from benchbed.plan.request import MOST_TRIALS, Request
from benchbed.plan.search import search_settings
from benchbed.plan.selectors import expand_settings, format_selector, parse_selector

SINGLE_PRECISION_TARGET = 1e-5
"""Smallest target of trials in float32 (protocol, rule 4)."""


class ProblemSelection(msgspec.Struct, frozen=True, tag=True):
    """A problem that a request names, with the options that its plan depends on."""

    selector: str
    preset: str
    gradient: str
    dtype: str | None
    steps: int | None
    declared: bool = False
    """Take what the class declares, and do not build an instance; the problem then counts as random."""


class OptimizerSelection(msgspec.Struct, frozen=True, tag=True):
    """An optimizer that a request names, with the number of points of a search."""

    selector: str
    search_points: int
    declared: bool = False
    """Take what the signature declares, and do not call the factory with the selected values."""


Selection = ProblemSelection | OptimizerSelection
ResolvedPart = ProblemPlan | tuple[EntrantPlan, ...]


def resolve_in_process(catalog: Catalog, selections: Sequence[Selection]) -> list[ResolvedPart]:
    """Resolve selections in this process."""
    return [resolve_selection(catalog, selection) for selection in selections]


def make_plan(
    catalog: Catalog,
    request: Request,
    resolve: Callable[[Catalog, Sequence[Selection]], Sequence[ResolvedPart]] = resolve_in_process,
) -> Plan:
    """Resolve a request, and its selections by `resolve`.

    Raises: UsageError or NothingSelectedError with the wrong value and a remedy.
    """
    preset_name = "standard" if request.preset is None else request.preset
    preset = preset_of(preset_name)
    request.check_values()
    gradient = "reverse" if request.gradient is None else request.gradient
    gradient_origin = catalog.entry("gradients", gradient).origin
    tracks = request.tracks or USUAL_TRACKS
    points = preset.search_points if "searched" in tracks else 0
    selections: list[Selection] = [
        ProblemSelection(text, preset_name, gradient, request.dtype, request.steps)
        for text in request.problems or ()
    ]
    selections += [OptimizerSelection(text, points) for text in request.optimizers or ()]
    parts = resolve(catalog, selections)
    problems = tuple(part for part in parts if isinstance(part, ProblemPlan))
    entrants = tuple(entrant for part in parts if isinstance(part, tuple) for entrant in part)
    if not (problems and entrants):
        missing = "optimizers" if problems else "problems"
        raise NothingSelectedError(f"no {missing} are selected; name some (see `benchbed list {missing}`)")
    plan = Plan(
        name=preset_name if request.name is None else request.name,
        preset=preset_name,
        problems=problems,
        entrants=entrants,
        tracks=tracks,
        study_seed=request.seed or 0,
        evaluation_seeds=request.seeds or preset.evaluation_seeds,
        tuning_seeds=preset.tuning_seeds,
        rates=learning_rates(preset.rates_per_decade),
        extensions=preset.extensions,
        rates_per_decade=preset.rates_per_decade,
        checkpoints=request.checkpoints or "protocol",
        gradient=gradient,
        gradient_source=gradient_origin.digest,
        gradient_origin=gradient_origin,
        metrics={name: catalog.entry("metrics", name).origin for name in catalog.names("metrics")},
        device=resolve_device("auto" if request.device is None else request.device),
        suite={},
        engine=request.engine or Engine.AUTO,
        tolerance=request.tolerance,
        stop_when_solved=request.stop_when_solved is not False,
    )
    _check(plan)
    return msgspec.structs.replace(plan, suite=suite_of(plan, request))


def suite_of(plan: Plan, request: Request) -> dict[str, Any]:
    """Return the suite that resolves to this plan."""
    suite: dict[str, Any] = {
        "name": plan.name,
        "preset": plan.preset,
        "problems": [problem.label for problem in plan.problems],
        "optimizers": [format_selector(*parse_selector(text)) for text in request.optimizers or ()],
        "tracks": list(plan.tracks),
        "checkpoints": plan.checkpoints,
        "seeds": plan.evaluation_seeds,
        "seed": plan.study_seed,
        "device": plan.device,
        "gradient": plan.gradient,
        "engine": plan.engine,
    }
    for name in ("steps", "dtype", "tolerance", "stop_when_solved"):
        if getattr(request, name) is not None:
            suite[name] = getattr(request, name)
    return suite


def resolve_device(name: str) -> str:
    """Return "cpu", "cuda" or "cuda:1". Raises: UsageError if the device is unknown or not available."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise UsageError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:0")
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {name!r} is not available: torch finds no CUDA device; use --device cpu")
    if index and int(index) >= torch.cuda.device_count():
        raise UsageError(
            f"device {name!r} does not exist; torch finds {torch.cuda.device_count()} CUDA devices"
        )
    return name


def resolve_selection(catalog: Catalog, selection: Selection) -> ResolvedPart:
    """Resolve a selector by calling the code of its plugin.

    Raises: UsageError if the name or a value is not valid, BenchbedError or any other exception of the plugin.
    """
    if isinstance(selection, ProblemSelection):
        return _problem_plan(catalog, selection)
    return tuple(_entrant_plans(catalog, selection))


def _problem_plan(catalog: Catalog, selection: ProblemSelection) -> ProblemPlan:
    selector = parse_selector(selection.selector)
    entry = catalog.entry("problems", selector.name)
    problem = catalog.problem(selector.name, selector.parameters)
    parameters = catalog.problem_parameters(problem)
    if not entry.built_in:
        check_facts(problem)  # its defaults were checked when it was registered
    dtype = selection.dtype or problem.dtype
    if dtype not in ("float32", "float64"):
        raise UsageError(f"unknown dtype {dtype!r}; choose float32 or float64")
    is_coarse = dtype == "float32" and not problem.target_metric
    lowest = SINGLE_PRECISION_TARGET if is_coarse else -math.inf
    targets = tuple(float(target) for target in problem.targets if target >= lowest)
    if selection.declared:
        has_optimum = type(problem).optimum is not Problem.optimum
        traits = ProblemTraits(has_optimum, seedless=False)
        deterministic = type(problem).make_draws is Problem.make_draws
    else:
        traits = traits_of(problem)
        deterministic = problem.make_draws(torch.Generator(), 1) is None
    gradient = catalog.gradient(selection.gradient)
    return ProblemPlan(
        name=selector.name,
        parameters=parameters,
        label=format_selector(selector.name, parameters),
        source=entry.source,
        origin=entry.origin,
        budget=selection.steps or budget_of(problem, selection.preset),
        targets=targets or tuple(problem.targets[:1]),
        success_target=float(problem.success_target),
        dtype=dtype,
        dimension=problem.layout.dimension,
        full_price=problem.full_price,
        deterministic=deterministic,
        has_optimum=traits.has_optimum,
        workspace=problem.workspace,
        target_metric=problem.target_metric,
        seedless=traits.seedless,
        optimum_is_bound=problem.optimum_is_bound,
        group=problem.group,
        start_strata=problem.start_strata,
        gradient_price=gradient.price(problem.layout.dimension),
        gradient_draws=gradient.make_draws is not None,
        built_in=entry.built_in and catalog.entry("gradients", selection.gradient).built_in,
    )


def _entrant_plans(catalog: Catalog, selection: OptimizerSelection) -> Iterable[EntrantPlan]:
    selector, points = parse_selector(selection.selector), selection.search_points
    entry = catalog.entry("optimizers", selector.name)
    parameters = catalog.parameters(selector.name)
    for values in expand_settings(selector.parameters, parameters):
        hyperparameters = catalog.hyperparameters(selector.name, values, checked=not selection.declared)
        changed = {
            name: value for name, value in hyperparameters.items() if value != parameters[name].default
        }
        setting = {} if selection.declared else hyperparameters
        arguments = factory_arguments(entry.implementation, setting, PROBE)
        optimizer: Optimizer[Any] = entry.implementation(**arguments)
        identity = with_nested(entry, hyperparameters)
        yield EntrantPlan(
            name=selector.name,
            label=format_selector(selector.name, changed),
            source=identity.source,
            origin=identity.origin,
            hyperparameters=hyperparameters,
            tunable="learning_rate" in parameters and "learning_rate" not in values,
            oracle="full" if optimizer.full_batch else "stochastic",
            statics=tuple(name for name, parameter in parameters.items() if parameter.static),
            search=search_settings(parameters, values, points) if points else (),
            draws=optimizer.make_draws is not None,
            built_in=identity.built_in,
        )


def _check(plan: Plan) -> None:
    """Check that rows have different labels and that there are not too many trials. Raises: UsageError."""
    labels = {
        "problem": [problem.label for problem in plan.problems],
        "optimizer": [entrant.label for entrant in plan.entrants],
    }
    for kind, of_kind in labels.items():
        for label, count in Counter(of_kind).items():
            if count > 1:
                raise UsageError(f"{kind} {label!r} is selected twice; name it once, or change a parameter")
    if plan.most_trials > MOST_TRIALS:
        trials = f"{plan.most_trials:.2g}".replace("e+0", "e")
        raise UsageError(f"this plan has about {trials} trials; ask for fewer than {MOST_TRIALS}")
