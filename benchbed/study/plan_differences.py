"""Differences between two plans, by the names of settings."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from benchbed.catalog.records import Origin
from benchbed.formatting import on_one_line
from benchbed.plan import EntrantPlan, Plan, ProblemPlan

_LISTS = ("problems", "entrants")
_SOURCES = ("source", "origin", "gradient_source", "gradient_origin", "metrics")
"""Fields with digests, of which `revisions_of` lists the differences."""
_DERIVED = ("suite", "shard")


class Revision(NamedTuple):
    """A registered object of one name whose code or dependencies differ between two studies."""

    kind: str
    name: str
    modules: list[str]
    """Modules and distributions that differ, as far as both studies recorded them."""


def plan_differences(first: Plan, second: Plan) -> list[str]:
    """Return a description of each setting in which two plans differ, apart from their shard and the CUDA device."""
    differences = [*_different_values(first, second)]
    for kind, name, modules in revisions_of(first, second):
        differences.append(f"code of {kind} {name}" + (f" (in {', '.join(modules)})" if modules else ""))
    for metric in sorted(first.metrics.keys() ^ second.metrics.keys()):
        differences.append(
            f"metric {metric} (only in the {'first' if metric in first.metrics else 'second'})"
        )
    for noun, before, after in (
        ("problem", first.problems, second.problems),
        ("optimizer", first.entrants, second.entrants),
    ):
        differences += _different_parts(noun, before, after)
    return differences


def revisions_of(first: Plan, second: Plan) -> list[Revision]:
    """Return the problems, optimizers, gradients and metrics that both plans name and whose digests differ."""
    before, after = _sources(first), _sources(second)
    return [
        Revision(*key, before[key][1].differences(after[key][1]))
        for key in before
        if key in after and before[key][0] != after[key][0]
    ]


def _sources(plan: Plan) -> dict[tuple[str, str], tuple[str, Origin]]:
    parts = [("problem", problem.name, problem.source, problem.origin) for problem in plan.problems]
    parts += [("optimizer", entrant.name, entrant.source, entrant.origin) for entrant in plan.entrants]
    parts += [("gradient", plan.gradient, plan.gradient_source, plan.gradient_origin)]
    parts += [("metric", name, origin.digest, origin) for name, origin in plan.metrics.items()]
    return {(kind, name): (source, origin) for kind, name, source, origin in parts}


def _different_values(first: msgspec.Struct, second: msgspec.Struct, suffix: str = "") -> Iterator[str]:
    left_out = {*_LISTS, *_SOURCES, *_DERIVED}
    for name in first.__struct_fields__:
        values = getattr(first, name), getattr(second, name)
        if name == "device":  # equal trials run on every CUDA device
            values = tuple(value.partition(":")[0] for value in values)
        if name not in left_out and values[0] != values[1]:
            before, after = (on_one_line(_format(value), 100) for value in values)
            yield f"{name.replace('_', ' ')}{suffix} ({before} and {after})"


def _different_parts(
    noun: str, first: tuple[ProblemPlan | EntrantPlan, ...], second: tuple[ProblemPlan | EntrantPlan, ...]
) -> Iterator[str]:
    before, after = ({part.label: part for part in parts} for parts in (first, second))
    for label in [*before, *(label for label in after if label not in before)]:
        if label not in before or label not in after:
            yield f"{noun} {label} (only in the {'second' if label not in before else 'first'})"
        else:
            yield from _different_values(before[label], after[label], f" of {label}")
    if before.keys() == after.keys() and list(before) != list(after):
        yield f"order of the {noun}s"


def _format(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return ", ".join(map(_format, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_format(item)}" for key, item in value.items())
    return str(value)
