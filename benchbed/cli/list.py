"""`benchbed list`: list the registered problems, optimizers and more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.catalog.names import quoted, wrapped_names
from benchbed.catalog.records import KINDS
from benchbed.cli.options import load_plugins, loading_timeout_option, plugin_option
from benchbed.cli.output import print_line
from benchbed.errors import UsageError
from benchbed.formatting import printable

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.catalog.records import Entry, Kind


@click.command("list", short_help="List the available problems, optimizers and more.")
@click.argument("kind", required=False, metavar="[KIND]", type=click.Choice(KINDS))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="Format of the list; docs/plugins.md describes the keys of the JSON document.",
)
@plugin_option
@loading_timeout_option
def list_command(
    kind: "Kind | None", names: tuple[str, ...], format_: str, plugin_files: tuple[Path, ...], timeout: float
) -> None:
    """List the available problems, optimizers and more, with their parameters and the packages they come from.

    KIND is problems, transforms, optimizers, wrappers, metrics, gradients, executors, reports, figures or suites. With
    a NAME, print the whole entry: its documentation, and each parameter with its default, its values and its search
    range.

    \b
    Examples:
      benchbed list
      benchbed list optimizers
      benchbed list optimizers muon
      benchbed list problems --format json
      benchbed list problems --plugin ./mine.py
    """
    catalog = load_plugins(plugin_files, timeout)
    listed: dict[Kind, list[Entry]] = {
        listed_kind: [_entry(catalog, listed_kind, name) for name in names or catalog.names(listed_kind)]
        for listed_kind in ([kind] if kind else KINDS)
    }
    from benchbed.cli.entries import record

    if format_ == "json":
        records = {listed_kind: [*map(record, entries)] for listed_kind, entries in listed.items()}
        click.echo(json.dumps(records, indent=2, allow_nan=False))
        return
    for listed_kind, entries in listed.items():
        for line in _sections(entries) if names else _summaries(listed_kind, entries):
            print_line(printable(line))


def _entry(catalog: "Catalog", kind: "Kind", name: str) -> "Entry":
    """Return an entry. Raises: UsageError with similar names, or with the parts of a wrapped one."""
    if "[" in name or "=" in name:
        raise UsageError(f"{quoted(name)} has parameters; write the name alone (see `benchbed list {kind}`)")
    if "(" in name:
        parts = ", ".join(wrapped_names(name))
        raise UsageError(f"{quoted(name)} consists of several entries; list each of {parts}")
    return catalog.entry(kind, name)


def _summaries(kind: "Kind", entries: "list[Entry]") -> Iterator[str]:
    """Yield a few lines for each entry, optimizers by family."""
    from benchbed.cli.entries import by_family, heading, summary_lines

    yield f"{kind}:"
    families = by_family(entries) if kind == "optimizers" else {"": entries}
    for family, members in families.items():
        indent = "  "
        if family:
            yield f"  {family}:"
            indent = "    "
        for entry in members:
            yield f"{indent}{heading(entry)}"
            yield from (f"{indent}    {line}" for line in summary_lines(entry))


def _sections(entries: "list[Entry]") -> Iterator[str]:
    """Yield the whole entries, with an empty line between them."""
    from benchbed.cli.entries import full_lines

    for index, entry in enumerate(entries):
        yield from () if index == 0 else ("",)
        yield from full_lines(entry)
