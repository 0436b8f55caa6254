"""`benchbed list`: list the registered problems, optimizers and more."""

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.catalog.names import quoted, suggestion, wrapped_names
from benchbed.catalog.records import KINDS, OTHER_FAMILY
from benchbed.cli.completion import complete_kinds_and_names
from benchbed.cli.options import load_plugins, loading_timeout_option, plugin_option, text_or_json_option
from benchbed.cli.output import print_line
from benchbed.errors import UsageError
from benchbed.formatting import printable

if TYPE_CHECKING:
    from benchbed.catalog.lookup import Catalog
    from benchbed.catalog.records import Entry, Kind


@click.command("list", short_help="List the available problems, optimizers and more.")
@click.argument("words", nargs=-1, metavar="[KIND] [NAME]...", shell_complete=complete_kinds_and_names)
@text_or_json_option
@plugin_option
@loading_timeout_option
def list_command(
    words: tuple[str, ...], format_: str, plugin_files: tuple[Path, ...], timeout: float
) -> None:
    """List the available problems, optimizers and more, with their parameters and the packages they come from.

    KIND is problems, transforms, optimizers, wrappers, metrics, gradients, executors, reports, figures or suites. With
    a NAME, of that kind or of any, print the whole entry: its documentation, and each parameter with its default, its
    values and its search range.

    \b
    Examples:
      benchbed list
      benchbed list optimizers
      benchbed list muon
      benchbed list problems --format json
      benchbed list problems --plugin ./mine.py
    """
    catalog = load_plugins(plugin_files, timeout)
    kind: Kind | None = next((kind for kind in KINDS if words[:1] == (kind,)), None)
    names = words[1:] if kind else words
    if names:
        listed = _named(catalog, kind, names)
    else:
        listed = {each: list(catalog.entries[each].values()) for each in ((kind,) if kind else KINDS)}
    from benchbed.cli.entries import full_lines, record

    if format_ == "json":
        records = {listed_kind: [*map(record, entries)] for listed_kind, entries in listed.items()}
        click.echo(json.dumps(records, indent=2, allow_nan=False))
        return
    if names:
        named = [entry for entries in listed.values() for entry in entries]
        lines = itertools.chain(*(["", *full_lines(entry)] for entry in named))
        next(lines)  # empty lines are between the entries
    else:
        lines = itertools.chain.from_iterable(_summaries(each, entries) for each, entries in listed.items())
    for line in lines:
        print_line(printable(line))


def _named(catalog: "Catalog", kind: "Kind | None", names: Iterable[str]) -> "dict[Kind, list[Entry]]":
    """Return the entries with these names by kind, of one kind or of all.

    Raises: UsageError with similar names, or with the parts of a wrapped one.
    """
    listed: dict[Kind, list[Entry]] = {}
    for name in names:
        if "[" in name or "=" in name:
            example = f"`benchbed list {kind}`" if kind else "`benchbed list`"
            raise UsageError(f"{quoted(name)} has parameters; write the name alone (see {example})")
        if "(" in name:
            inner_names = ", ".join(wrapped_names(name))
            raise UsageError(f"{quoted(name)} consists of several entries; list each of {inner_names}")
        kinds = [kind] if kind else [each for each in KINDS if catalog.has(each, name)]
        if not kinds:
            hint = suggestion(name, [*KINDS, *(name for each in KINDS for name in catalog.names(each))])
            raise UsageError(
                f"{quoted(name)} is neither a kind nor a registered name{hint} (see `benchbed list`)"
            )
        for each in kinds:
            listed.setdefault(each, []).append(catalog.entry(each, name))
    return listed


def _summaries(kind: "Kind", entries: "list[Entry]") -> Iterator[str]:
    """Yield a few lines for each entry, optimizers by family, those without one last."""
    from benchbed.cli.entries import heading, summary_lines

    yield f"{kind}:"
    families: dict[str, list[Entry]] = {}
    for entry in entries:
        families.setdefault(entry.family if kind == "optimizers" else "", []).append(entry)
    for family in sorted(families, key=OTHER_FAMILY.__eq__):
        indent = "    " if family else "  "
        if family:
            yield f"  {family}:"
        for entry in families[family]:
            yield f"{indent}{heading(entry)}"
            yield from (f"{indent}    {line}" for line in summary_lines(entry))
