"""Resolution of a request to a plan; errors are raised before any trial runs."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import torch

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import factory_arguments
from benchbed.catalog.torch_optim import with_nested
from benchbed.catalog.validation import check_facts
from benchbed.errors import NothingSelectedError, UnusableSelectorsError, UsageError
from benchbed.formatting import plural
from benchbed.interfaces import Engine, Optimizer, Problem
from benchbed.plan.model import USUAL_TRACKS, Plan
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.presets import budget_of, learning_rates, preset_of
from benchbed.plan.problem_traits import ProblemTraits, traits_of
from benchbed.plan.request import MOST_TRIALS, Request
from benchbed.plan.search import search_settings
from benchbed.plan.selectors import expand_settings, format_selector, parse_selector
from benchbed.plan.suites import resolve_device, suite_of

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
Resolution = ResolvedPart | UsageError
"""The plan of a selection, or why the selection cannot be used."""


def resolve_in_process(catalog: Catalog, selections: Sequence[Selection]) -> list[Resolution]:
    """Resolve selections in this process."""
    return [resolve_or_error(catalog, selection) for selection in selections]


def make_plan(
    catalog: Catalog,
    request: Request,
    resolve: Callable[[Catalog, Sequence[Selection]], Sequence[Resolution]] = resolve_in_process,
) -> Plan:
    """Resolve a request, and its selections by `resolve`.

    Raises: UsageError or NothingSelectedError with the wrong value and a remedy; UnusableSelectorsError with all
    selectors that cannot be used.
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
    _check_usable(selections, parts)
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
        refinements=preset.refinements,
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


def resolve_or_error(catalog: Catalog, selection: Selection) -> Resolution:
    """Resolve a selector, or return the error of one that cannot be used."""
    try:
        return resolve_selection(catalog, selection)
    except UsageError as error:
        return error


def resolve_selection(catalog: Catalog, selection: Selection) -> ResolvedPart:
    """Resolve a selector by calling the code of its plugin.

    Raises: UsageError if the name or a value is not valid, BenchbedError or any other exception of the plugin.
    """
    if isinstance(selection, ProblemSelection):
        try:
            return _problem_plan(catalog, selection)
        except ModuleNotFoundError as error:  # the library of its data, for example
            raise UsageError(f"{selection.selector} cannot be used: {error}") from error
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
        optimum_is_bound=problem.optimum_is_bound and traits.reference is None,
        reference=traits.reference,
        reference_fault=traits.reference_fault,
        group=problem.group,
        score_start=problem.score_start,
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
        arguments = factory_arguments(entry.implementation, setting)
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


def _check_usable(selections: Sequence[Selection], parts: Sequence[Resolution]) -> None:
    """Raise UnusableSelectorsError if a selection could not be resolved."""
    errors = {
        selection.selector: part
        for selection, part in zip(selections, parts, strict=True)
        if isinstance(part, UsageError)
    }
    if not errors:
        return
    is_worth_a_hint = len(errors) > 1 or any(":" in selector for selector in errors)
    hint = (
        f"{len(errors)} of {plural(len(selections), 'selector')} cannot be used; correct them, or leave them out by "
        "--skip-unusable"
    )
    raise UnusableSelectorsError(errors, hint if is_worth_a_hint and len(errors) < len(selections) else "")


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
