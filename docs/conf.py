"""Configuration of the documentation as a site; `tox -e docs` builds and checks it."""

import re
import textwrap
from pathlib import Path

import click
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import benchbed

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://github.com/benchbed/benchbed"
FILES_OF_PAGES = {"contributing": "CONTRIBUTING.md", "security": "SECURITY.md", "changelog": "CHANGELOG.md"}
"""Pages that show a file of the repository; their source is a link to it."""
ARGUMENTS = re.compile(r"^Args:\n((?: {4}.*\n?)+)", re.MULTILINE)
SINGLE_ASTERISK = re.compile(r"(?<!\*)\*(?!\*)")
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")

project = "benchbed"
author = "benchbed contributors"
project_copyright = "benchbed contributors"
version = release = benchbed.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_generated"]
nitpicky = False  # type hints name internal classes, which have no page; links in texts are always checked

smartquotes = False  # commands in help texts have two hyphens and straight quotes

html_theme = "furo"
html_title = "benchbed"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
}

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

default_role = "code"  # docstrings mark code by single backticks
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"


def resolve_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Let relative links lead to pages of the site or, for other files, to the repository.

    Raises: ExtensionError if a file does not exist.
    """
    folder = ROOT / "docs"
    if page in FILES_OF_PAGES:
        folder, source[0] = ROOT, (ROOT / FILES_OF_PAGES[page]).read_text(encoding="utf-8")
    pages_of_files = {name: f"docs/{shown}.md" for shown, name in FILES_OF_PAGES.items()}

    def target(match: re.Match[str]) -> str:
        path, anchor = (folder / match[1]).resolve(), match[2] or ""
        if not path.exists():
            raise ExtensionError(f"docs/{page}.md links to {match[1]}, which does not exist")
        name = path.relative_to(ROOT).as_posix()
        name = pages_of_files.get(name, name)
        inside = name.startswith("docs/")
        return f"]({name.removeprefix('docs/') if inside else f'{REPOSITORY}/blob/main/{name}'}{anchor})"

    source[0] = RELATIVE_LINK.sub(target, source[0])


def format_docstring(
    app: Sphinx, what: str, name: str, member: object, options: object, lines: list[str]
) -> None:
    """Write the section `Args:` as a list of fields, and leave out what Python says of fields without a docstring.

    `sphinx.ext.napoleon` would take the text before a colon in the docstring of an attribute for its type.
    """

    def fields(match: re.Match[str]) -> str:
        body = textwrap.dedent(match[1]).replace("*", r"\*")
        return re.sub(r"^([\w*\\]+): ", r":param \1: ", body, flags=re.MULTILINE)

    text = ARGUMENTS.sub(fields, "\n".join(lines))
    lines[:] = [line for line in text.splitlines() if not line.startswith("Alias for field number")]


def format_help(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Write the examples of a help text as code, and let its asterisks, as in `results/*`, stand for themselves."""
    formatted, examples = list[str](), False
    for line in lines:
        is_example = line.startswith("|   ")
        if is_example and not examples:
            formatted += ["", ".. code-block:: text", ""]
        if examples and not is_example:
            formatted.append("")
        examples = is_example
        formatted.append(line.removeprefix("|") if is_example else SINGLE_ASTERISK.sub(r"\\*", line))
    lines[:] = formatted


def format_options(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Close the brackets that sphinx-click cuts from the values of options, and write the values in upper case."""
    for number, line in enumerate(lines):
        if line.startswith(".. option::"):
            closed = re.sub(r"\[([^\]]*)>$", r"[\1]>", line)
            lines[number] = re.sub(r"<([a-z]+)_>$", lambda match: f"<{match[1].upper()}>", closed)
        else:
            lines[number] = SINGLE_ASTERISK.sub(r"\\*", line)


def setup(app: Sphinx) -> None:
    """Connect the changes of sources, help texts and docstrings."""
    app.connect("source-read", resolve_links)
    app.connect("sphinx-click-process-description", format_help)
    app.connect("sphinx-click-process-options", format_options)
    app.connect("autodoc-process-docstring", format_docstring)
