"""Check of a plan that was read from a file, which may be damaged or come from somebody else."""

import math
import re
from collections.abc import Iterator

from benchbed.catalog.names import name_fault, quoted, wrapped_names
from benchbed.errors import UsageError
from benchbed.formatting import folder_name_fault
from benchbed.plan.model import Plan
from benchbed.plan.parts import EntrantPlan, ProblemPlan
from benchbed.plan.presets import PRESETS
from benchbed.plan.request import MOST_TRIALS
from benchbed.plan.selectors import format_selector, parse_selector

DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,3})?")
_MOST_RATES = 10_000
_LARGEST = 2**53


def plan_faults(plan: Plan) -> Iterator[str]:
    """Yield a description of everything because of which a plan cannot be one that `make_plan` has returned."""
    if folder_name_fault(plan.name) is not None:
        yield f"its name is {quoted(plan.name)}"
    if plan.preset not in PRESETS or not DEVICE.fullmatch(plan.device) or name_fault(plan.gradient):
        yield f"{quoted(plan.preset)}, {quoted(plan.device)} or {quoted(plan.gradient)} does not exist"
    for kind, rows in (("problems", plan.problems), ("optimizers", plan.entrants)):
        if not rows or len({row.label for row in rows}) != len(rows):
            yield f"its {kind} are missing or named twice"
    if not plan.tracks or len(set(plan.tracks)) != len(plan.tracks):
        yield "its tracks are missing or named twice"
    if plan.shard is not None and not plan.shard.exists:
        yield f"it has no shard {plan.shard}"
    rates = [*plan.rates, plan.tolerance or 1.0]
    seeds = [plan.evaluation_seeds, plan.tuning_seeds, plan.small_tuning_seeds or plan.tuning_seeds]
    counts = [*seeds, plan.rates_per_decade]
    if not all(0 < rate < math.inf for rate in rates) or not all(
        1 <= count <= MOST_TRIALS for count in counts
    ):
        yield "its rates, tolerance or seeds are out of range"
    further = plan.extensions * plan.rates_per_decade, plan.refinements
    if max(len(plan.rates), *further) > _MOST_RATES or min(further) < 0:
        yield "it has too many learning rates"
    elif plan.entrants and plan.most_trials > MOST_TRIALS:
        yield f"it has more than {MOST_TRIALS} trials"
    parts: list[ProblemPlan | EntrantPlan] = [*plan.problems, *plan.entrants]
    for part in parts:
        if is_damaged(part):
            yield f"{quoted(part.label)} has an impossible name or number"


def is_damaged(part: ProblemPlan | EntrantPlan) -> bool:
    """Return whether the name, the label or a number of a problem or optimizer is impossible."""
    if isinstance(part, EntrantPlan):
        names = wrapped_names(part.name)
        is_named = ":" in names[-1] or all(name_fault(name) is None for name in names)
        has_statics = set(part.statics) <= set(part.hyperparameters)
        lists = {name: list(values) for name, values in part.choices.items() if len(values) > 1}
        return not (is_named and has_statics and _is_label(part, {**part.hyperparameters, **lists}))
    numbers = [*part.targets, part.success_target, part.gradient_price, part.full_price or 1.0]
    return not (
        all(name_fault(name) is None for name in wrapped_names(part.name))
        and _is_label(part, part.parameters)
        and len(part.targets) > bool(part.target_metric)
        and all(map(math.isfinite, numbers))
        and 0 < part.budget < _LARGEST
        and 0 < part.dimension < _LARGEST
        and part.dtype in ("float32", "float64")
    )


def _is_label(part: ProblemPlan | EntrantPlan, values: dict[str, object]) -> bool:
    """Return whether the label of a problem or optimizer is the selector of its name and of some of its values."""
    try:
        name, parameters = parse_selector(part.label)
        shown = {key: values[key] for key in parameters}
        return name == part.name and format_selector(name, shown) == part.label
    except (UsageError, KeyError, TypeError):
        return False
