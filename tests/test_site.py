"""The site that `tox -e docs` builds: its links, and its pages that are generated from the code."""

import html
import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest

import benchbed
from benchbed import hookspecs, interfaces, plotting, testing
from benchbed.cli import commands as program

SITE = Path(os.environ.get("BENCHBED_SITE", ""))
LINK = re.compile(r'\b(?:href|src)="([^"]*)"')
IDENTIFIER = re.compile(r'\bid="([^"]*)"')

pytestmark = pytest.mark.skipif(
    "BENCHBED_SITE" not in os.environ, reason="`tox -e docs` builds the site that BENCHBED_SITE names"
)


@cache
def source_of(path):
    return path.read_text(encoding="utf-8")


@cache
def identifiers_of(path):
    return {html.unescape(name) for name in IDENTIFIER.findall(source_of(path))}


def test_internal_links_lead_to_pages_and_sections():
    """Every relative link names a file of the site, and every fragment a section of its page."""
    broken = []
    assert (SITE / "index.html").is_file()
    for page in SITE.glob("*.html"):
        for link in map(html.unescape, LINK.findall(source_of(page))):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = page.parent / unquote(parts.path) if parts.path else page
            fragment = unquote(parts.fragment)
            if not target.is_file() or (fragment and fragment not in identifiers_of(target)):
                broken.append(f"{page.name}: {link}")
    assert broken == []


def test_pages_load_nothing_from_elsewhere():
    """The site works without a network: images, scripts and styles are its own."""
    loads = re.compile(
        r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+rel="(?:stylesheet|preload)"[^>]+href="https?:'
    )
    assert [page.name for page in SITE.glob("*.html") if loads.search(source_of(page))] == []


def commands_of(group, path):
    """Yield each command of a group and of the groups inside it, with the words by which it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{path}-{name}", command
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{path}-{name}")


def test_the_page_of_commands_has_every_option():
    """Each option of every command has an entry in the section of its command."""
    identifiers = identifiers_of(SITE / "commands.html")
    flags = [
        f"cmdoption-{path}-{parameter.opts[-1].lstrip('-')}"
        for path, command in commands_of(program, "benchbed")
        for parameter in command.params
        if isinstance(parameter, click.Option)
    ]
    assert len(flags) > 50
    assert set(flags) - identifiers == set()


@pytest.mark.parametrize("module", [benchbed, interfaces, testing, plotting])
def test_the_page_of_the_api_has_every_public_name(module):
    """Each name of `__all__` has an entry, or is in a table as code."""
    page = SITE / "api.html"
    missing = [
        name
        for name in module.__all__
        if f"{module.__name__}.{name}" not in identifiers_of(page) and f">{name}<" not in source_of(page)
    ]
    assert missing in ([], ["__version__"])


def test_the_page_of_the_api_has_every_hook():
    """Each hook has an entry."""
    hooks = {f"benchbed.hookspecs.{name}" for name in dir(hookspecs) if name.startswith("register_")}
    assert hooks - identifiers_of(SITE / "api.html") == set()
