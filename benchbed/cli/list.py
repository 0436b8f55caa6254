"""`benchbed list`: name what there is, with its parameters and where it comes from."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.options import complain, plugin_option

if TYPE_CHECKING:
    from benchbed.catalog import Catalog, Entry, Kind
    from benchbed.interfaces import Gradient, Problem

KINDS: "tuple[Kind, ...]" = (
    "problems",
    "optimizers",
    "metrics",
    "gradients",
    "executors",
    "reports",
    "figures",
    "suites",
)


@click.command("list", short_help="List what there is to run, with its parameters.")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@plugin_option
def list_command(kind: "Kind | None", plugin_files: tuple[Path, ...]) -> None:
    """List the problems, optimizers and other things that are installed.

    \b
    Examples:
      benchbed list
      benchbed list optimizers
      benchbed list problems --plugin ./mine.py
    """
    from benchbed.catalog import load_catalog

    catalog = load_catalog(plugin_files)
    complain(catalog)
    for one in [kind] if kind else KINDS:
        click.echo(f"{one}:")
        for name in catalog.names(one):
            entry = catalog.entry(one, name)
            click.echo(f"  {name}  ({entry.distribution} {entry.version})".rstrip())
            for line in _details(catalog, entry):
                click.echo(f"      {line}")


def _details(catalog: "Catalog", entry: "Entry") -> Iterator[str]:
    if entry.summary:
        yield entry.summary
    if entry.kind == "optimizers":
        yield (
            ", ".join(f"{p.name}={p.default!r}" for p in catalog.parameters(entry.name).values())
            or "no parameters"
        )
    if entry.kind == "gradients":
        yield from _gradient_details(catalog.gradient(entry.name))
    if entry.kind == "problems":
        yield from _problem_details(entry, catalog.problem(entry.name, {}))


def _problem_details(entry: "Entry", problem: "Problem") -> Iterator[str]:
    import dataclasses

    fields = dataclasses.fields(entry.implementation)
    yield ", ".join(f"{field.name}={getattr(problem, field.name)!r}" for field in fields) or "no parameters"
    price = (
        "no price (its noise is synthetic)"
        if problem.full_price is None
        else f"{problem.full_price:g} calls of one draw"
    )
    targets = ", ".join(f"{target:.2g}" for target in problem.targets)
    yield f"dimension {problem.layout.dimension}, {problem.dtype}, budget {problem.budget}; a full gradient: {price}"
    yield f"targets {targets}; success at {problem.success_target:g}"
    yield f"optimum {_optimum(problem)}; scale: median of f₀ − f* over {problem.scale_instances} instances"


def _gradient_details(gradient: "Gradient") -> Iterator[str]:
    random = "" if gradient.make_draws is None else "; draws in every step"
    yield f"price of a gradient in calls: {_price(gradient.price)}{random}"


def _price(price: "Callable[[int], float]") -> str:
    """Write a price that grows evenly with the dimension as a formula, and any other by examples."""
    from fractions import Fraction

    each = Fraction(price(2) - price(1)).limit_denominator(1000)
    fixed = (Fraction(price(1)) - each).limit_denominator(1000)
    if any(abs(each * d + fixed - price(d)) > 1e-9 * price(d) for d in (1, 2, 10, 1000)):
        return ", ".join(f"{price(d):g} at dimension {d}" for d in (1, 10, 1000))
    parts = [*([f"{each}·dimension"] if each else []), *([f"{fixed}"] if fixed else [])]
    return " + ".join(parts)


def _optimum(problem: "Problem") -> str:
    from benchbed.interfaces import Problem

    if type(problem).optimum is Problem.optimum:
        return "unknown, so no score"
    return "a lower bound" if problem.optimum_is_bound else "exact"
