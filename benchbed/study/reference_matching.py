"""Reference studies whose rules, problems, budgets and number types are those of a study."""

import math
from collections.abc import Iterator

from benchbed.analysis.reference_comparisons import compare_with_references
from benchbed.interfaces import Results
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceProblem, ReferenceStudy
from benchbed.plan import Plan
from benchbed.plan.selectors import parse_selector
from benchbed.study.reference_files import newest_references
from benchbed.study.reference_studies import starts_of

MOST_OPTIMIZERS = 12
"""Optimizers of a reference study in one page."""
_TOLERANCE = 1e-4
"""Relative difference of equal starts on two machines; they are stored with six digits, and may be float32."""
_RULES = ("protocol", "preset", "study_seed", "gradient", "tolerance", "checkpoints")


def with_references(results: Results, plan: Plan) -> Results:
    """Add the newest version of each stored reference study that compares, and why others do not."""
    stored, errors = newest_references()
    labels = {problem.label for reference in stored for problem in reference.study.problems}
    starts = starts_of(results._replace(outcomes=results.outcomes[results.outcomes["problem"].isin(labels)]))
    matches = [match(reference.study, plan, starts) for reference in stored]
    references = tuple(reference for reference, _ in matches if reference)
    remarks = tuple(remark for _, remark in matches if remark)
    return results._replace(
        references=references,
        reference_remarks=(*remarks, *errors),
        reference_comparisons=compare_with_references(results, references, plan) if references else None,
    )


def match(
    study: ReferenceStudy, plan: Plan, starts: dict[str, dict[int, float]]
) -> tuple[MatchedReference | None, str]:
    """Return the part of a reference study that compares with the results of a plan, and a remark on the rest.

    Optimizers that the plan contains are left out. Without further optimizers, and without a problem of the same name,
    there is nothing to remark. `starts` are those of the results of the plan, as `starts_of` returns them.
    """
    own = {entrant.label for entrant in plan.entrants}
    optimizers = [name for name in dict.fromkeys(row.optimizer for row in study.summary) if name not in own]
    names = {problem.name for problem in plan.problems}
    related = [problem for problem in study.problems if parse_selector(problem.label).name in names]
    if not optimizers or not related:
        return None, ""
    title = f"reference results {study.title}"
    faults = [*_study_faults(study, plan)]
    if faults:
        return None, f"The {title} are left out: {faults[0]}."
    differences = {problem.label: _problem_fault(problem, plan, starts) for problem in related}
    matched = [label for label, fault in differences.items() if not fault]
    sentences = [f"{label}, {fault}" for label, fault in differences.items() if fault]
    remarks = [f"The {title} are left out on {'; on '.join(sentences)}."] if sentences else []
    if len(optimizers) > MOST_OPTIMIZERS:
        optimizers = _best(study, matched, optimizers)
        remarks.append(
            f"Of the {title}, the {MOST_OPTIMIZERS} optimizers of the highest mean score are shown."
        )
    reference = MatchedReference(study, tuple(matched), tuple(optimizers)) if matched else None
    return reference, " ".join(remarks)


def _study_faults(study: ReferenceStudy, plan: Plan) -> Iterator[str]:
    for rule in _RULES:
        theirs, here = getattr(study, rule), getattr(plan, rule)
        if theirs != here:
            theirs, here = ("not set" if value is None else value for value in (theirs, here))
            yield f"{rule.replace('_', ' ')} {theirs} there and {here} here"


def _problem_fault(problem: ReferenceProblem, plan: Plan, starts: dict[str, dict[int, float]]) -> str:
    """Return why results on a problem do not compare; "" if they do."""
    own = next((other for other in plan.problems if other.label == problem.label), None)
    if own is None:
        return "which has other parameters here"
    for name in ("budget", "dtype", "targets", "score_start"):
        theirs, here = getattr(problem, name), getattr(own, name)
        if theirs != here:
            return f"with {name.replace('_', ' ')} {theirs} there and {here} here"
    here = starts.get(problem.label, {})
    shared = problem.starts.keys() & here.keys()
    if not shared or not all(
        math.isclose(problem.starts[seed], here[seed], rel_tol=_TOLERANCE) for seed in shared
    ):
        return "whose starts, objective or optimum differ here"
    return ""


def _best(study: ReferenceStudy, problems: list[str], optimizers: list[str]) -> list[str]:
    scores: dict[str, list[float]] = {name: [] for name in optimizers}
    for row in study.summary:
        if row.problem in problems and row.optimizer in scores:
            scores[row.optimizer].append(row.score or 0.0)
    ranked = sorted(optimizers, key=lambda name: -math.fsum(scores[name]))
    best = set(ranked[:MOST_OPTIMIZERS])
    return [name for name in optimizers if name in best]
