"""Resolution of a request to a plan; errors are raised before any trial runs."""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.errors import NothingSelectedError, UnusableSelectorsError, UsageError
from benchbed.formatting import plural
from benchbed.interfaces import Engine
from benchbed.plan.model import USUAL_TRACKS, Plan
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.presets import learning_rates, preset_of
from benchbed.plan.request import MOST_TRIALS, Request
from benchbed.plan.selections import (
    OptimizerSelection,
    ProblemSelection,
    Resolution,
    Selection,
    resolve_or_error,
)
from benchbed.plan.suites import resolve_device, suite_of


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
    planned = _usable_plans(selections, resolve(catalog, selections))
    problems = tuple(item for item in planned if isinstance(item, ProblemPlan))
    entrants = tuple(item for item in planned if isinstance(item, EntrantPlan))
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
        small_tuning_seeds=preset.small_tuning_seeds,
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


def _usable_plans(
    selections: Sequence[Selection], parts: Sequence[Resolution]
) -> list[ProblemPlan | EntrantPlan]:
    """Return the plans of all selections. Raises: UnusableSelectorsError if one could not be resolved."""
    errors = {
        ("problems" if isinstance(selection, ProblemSelection) else "optimizers", selection.selector): part
        for selection, part in zip(selections, parts, strict=True)
        if isinstance(part, UsageError)
    }
    if not errors:
        return [plan for part in parts if isinstance(part, tuple) for plan in part]
    is_worth_a_hint = len(errors) > 1 or any(":" in selector for _, selector in errors)
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
