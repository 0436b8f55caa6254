"""Selections of a request, a selector with the options of the request each, and their resolution by plugins."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import torch

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import (
    Parameter,
    annotations_of,
    convert_hyperparameter,
    factory_arguments,
    field_types,
)
from benchbed.catalog.records import Entry
from benchbed.catalog.torch_optim import with_nested
from benchbed.catalog.validation import check_facts
from benchbed.errors import UsageError
from benchbed.interfaces import Choice, Optimizer, Problem
from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.presets import budget_of
from benchbed.plan.problem_traits import ProblemTraits, traits_of
from benchbed.plan.search import search_settings
from benchbed.plan.selectors import Selector, expand_settings, format_selector, format_value, parse_selector

SINGLE_PRECISION_TARGET = 1e-5
"""Smallest target of trials in float32 (protocol, rule 4)."""


class ProblemSelection(msgspec.Struct, frozen=True, tag=True):
    """The problems of a selector that a request names, with the options that their plans depend on."""

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
ResolvedPart = tuple[ProblemPlan, ...] | tuple[EntrantPlan, ...]
Resolution = ResolvedPart | UsageError
"""The plan of a selection, or why the selection cannot be used."""


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
            name, parameters = parse_selector(selection.selector)
            types = field_types(catalog.entry("problems", name).implementation)
            settings = expand_settings(parameters, types)
            return tuple(_problem_plan(catalog, selection, Selector(name, values)) for values in settings)
        except ModuleNotFoundError as error:  # the library of its data, for example
            raise UsageError(f"{selection.selector} cannot be used: {error}") from error
    return tuple(_entrant_plans(catalog, selection))


def _problem_plan(catalog: Catalog, selection: ProblemSelection, selector: Selector) -> ProblemPlan:
    entry = catalog.entry("problems", selector.name)
    problem = catalog.problem(selector.name, selector.parameters)
    parameters = catalog.problem_parameters(problem)
    if not entry.built_in:
        check_facts(problem)  # its defaults were checked when it was registered
    dtype = selection.dtype or problem.dtype
    is_coarse = dtype == "float32" and not problem.target_metric
    lowest = SINGLE_PRECISION_TARGET if is_coarse else -math.inf
    targets = tuple(float(target) for target in problem.targets if target >= lowest)
    if selection.declared:
        has_optimum = type(problem).optimum is not Problem.optimum
        traits = ProblemTraits(has_optimum, seedless=False)
        deterministic = type(problem).make_draws is Problem.make_draws
    else:
        traits = traits_of(problem)
        deterministic = with_drawn_noise(problem).make_draws(torch.Generator(), 1) is None
    gradient = problem.change_gradient(catalog.gradient(selection.gradient))
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
        defaults=catalog.problem_defaults(problem),
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
    domains = {name: parameter.domain for name, parameter in parameters.items()} if points else {}
    all_choices = {name: domain.values for name, domain in domains.items() if isinstance(domain, Choice)}
    for listed in expand_settings(selector.parameters, annotations_of(parameters), all_choices):
        choices = all_choices | {
            name: _choices(selector.name, parameters[name], value)
            for name, value in listed.items()
            if name in all_choices
        }
        values = {name: choices[name][0] if name in choices else value for name, value in listed.items()}
        hyperparameters = catalog.hyperparameters(selector.name, values, checked=not selection.declared)
        lists = {name: list(choices[name]) for name in listed if len(choices.get(name, ())) > 1}
        changed = {
            name: value for name, value in hyperparameters.items() if value != parameters[name].default
        }
        setting = {} if selection.declared else hyperparameters
        optimizer = _built(entry, setting)
        if not selection.declared:
            _check_choices(catalog, entry, values, choices)
        identity = with_nested(entry, hyperparameters)
        searched = {
            name: parameter._replace(domain=Choice(choices[name])) if name in choices else parameter
            for name, parameter in parameters.items()
            if name not in values or name in lists
        }
        yield EntrantPlan(
            name=selector.name,
            label=format_selector(selector.name, changed | lists),
            source=identity.source,
            origin=identity.origin,
            hyperparameters=hyperparameters,
            tunable="learning_rate" in parameters and "learning_rate" not in values,
            oracle="full" if optimizer.full_batch else "stochastic",
            statics=tuple(name for name, parameter in parameters.items() if parameter.static),
            search=search_settings(searched, points) if points else (),
            draws=optimizer.make_draws is not None,
            built_in=identity.built_in,
            choices=choices,
        )


def _choices(owner: str, parameter: Parameter, value: object) -> tuple[Any, ...]:
    """Return the values among which a search chooses if a selector contains `value`, a list or one of them.

    Raises: UsageError if a value is not valid, or the list is empty.
    """
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError(f"{parameter.name} is an empty list; give a value, or leave {parameter.name} out")
    return tuple(dict.fromkeys(convert_hyperparameter(owner, parameter, item) for item in values))


def _check_choices(
    catalog: Catalog, entry: Entry, values: Mapping[str, object], choices: Mapping[str, tuple[Any, ...]]
) -> None:
    """Build the optimizer with each value that a search may choose.

    Raises: UsageError if the optimizer rejects one, or the values differ in the oracle that a pairing has.
    """
    for name, listed in choices.items():
        built = [
            _built(entry, catalog.hyperparameters(entry.name, {**values, name: value})) for value in listed
        ]
        if len({(optimizer.full_batch, optimizer.make_draws is None) for optimizer in built}) > 1:
            raise UsageError(
                f"{entry.name}: the values {format_value(listed)} of {name} differ in the oracle or in random draws, "
                "so that no search can choose among them; give one of them"
            )


def _built(entry: Entry, setting: Mapping[str, object]) -> Optimizer[Any]:
    optimizer: Optimizer[Any] = entry.implementation(**factory_arguments(entry.implementation, setting))
    return optimizer
