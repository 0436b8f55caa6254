"""Plans of third-party problems and optimizers whose code cannot be asked, so that their trials have rows."""

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.records import Kind, Origin
from benchbed.interfaces import Problem, target_ladder
from benchbed.plan.parts import EntrantPlan, PlanningFault, ProblemPlan
from benchbed.plan.presets import budget_of
from benchbed.plan.selections import ProblemSelection, ResolvedPart, Selection
from benchbed.plan.selectors import expand_settings, format_selector, parse_selector


def unplanned_part(catalog: Catalog, selection: Selection, fault: PlanningFault) -> ResolvedPart:
    """Return the plan of a selection without running its code: the values of its selector, and assumed properties."""
    name, values = parse_selector(selection.selector)
    kind: Kind = "problems" if isinstance(selection, ProblemSelection) else "optimizers"
    entry = catalog.entries[kind].get(name)  # looking up module:Class would import the module
    origin = Origin(name) if entry is None else entry.origin
    if isinstance(selection, ProblemSelection):
        planned = ProblemPlan(
            name=name,
            parameters=values,
            label=format_selector(name, values),
            source=origin.digest,
            origin=origin,
            budget=selection.steps or budget_of(Problem, selection.preset),
            targets=target_ladder(1),
            success_target=1e-3,
            dtype=selection.dtype or Problem.dtype,
            dimension=1,
            full_price=1.0,
            deterministic=False,
            has_optimum=True,
            workspace=1,
            built_in=False,
            fault=fault,
        )
        return (planned,)
    return tuple(
        EntrantPlan(
            name=name,
            label=format_selector(name, setting),
            source=origin.digest,
            origin=origin,
            hyperparameters=setting,
            tunable=False,
            oracle="stochastic",
            statics=tuple(setting),
            built_in=False,
            fault=fault,
        )
        for setting in expand_settings(values, {})
    )
