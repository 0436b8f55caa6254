"""Plans of the suites that figures are drawn from, with the optimizers that a reader adds."""

from collections.abc import Mapping, Sequence

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.errors import UnusableSelectorsError, UsageError
from benchbed.interfaces import Figure
from benchbed.plan import Plan, Request, complete_request, make_plan
from benchbed.study.figures import FULL
from benchbed.study.planning import plan_request


def plan_of(catalog: Catalog, suite: str, full: bool) -> Plan:
    """Plan a registered suite, or its full form if `full` is set and there is one."""
    name = suite + FULL if full and suite + FULL in catalog.names("suites") else suite
    return make_plan(
        catalog, complete_request(catalog, Request(), catalog.entry("suites", name).implementation)
    )


def add_optimizers(
    catalog: Catalog,
    plans: Mapping[str, Plan],
    figures: Sequence[Figure],
    optimizers: Sequence[str],
    plugin_files: tuple[str, ...],
    executor: str,
) -> tuple[dict[str, Plan], list[str]]:
    """Add optimizers to the plans of the figures that take them; return all plans, and warnings of planning.

    If a figure compares several suites, an optimizer is added to those whose optimizers see the same gradient as it
    does, full or stochastic, because the budgets of such suites differ; it is added to all if there are none. An
    optimizer that a suite already contains is not added again.

    Raises: UsageError if a selector cannot be used, or if no figure takes optimizers.
    """
    extended = dict(plans)
    if not optimizers:
        return extended, []
    taking = [figure for figure in figures if figure.takes_optimizers]
    if not taking:
        names = ", ".join(figure.name for figure in figures)
        raise UsageError(f"none of these figures takes optimizers: {names}; see `benchbed list figures`")
    request = Request(problems=(plans[taking[0].suites[0]].problems[0].label,), optimizers=tuple(optimizers))
    try:
        planned, warnings = plan_request(catalog, request, plugin_files, executor=executor)
    except UnusableSelectorsError as error:  # its remedy is an option of `benchbed run`
        raise UsageError("\n".join(map(str, error.errors.values()))) from error
    for figure in taking:
        oracles = {suite: {entrant.oracle for entrant in plans[suite].entrants} for suite in figure.suites}
        all_oracles = set().union(*oracles.values())
        for suite, own_oracles in oracles.items():
            plan = extended[suite]
            labels = {entrant.label for entrant in plan.entrants}
            added = [
                entrant
                for entrant in planned.entrants
                if entrant.label not in labels
                and (entrant.oracle in own_oracles or entrant.oracle not in all_oracles)
            ]
            optimizers = [*plan.suite["optimizers"], *(entrant.label for entrant in added)]
            extended[suite] = msgspec.structs.replace(
                plan, entrants=(*plan.entrants, *added), suite=plan.suite | {"optimizers": optimizers}
            )
    return extended, warnings
