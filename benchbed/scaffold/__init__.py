"""Scaffolds: the files of a new plugin, rendered from templates."""

import ast
import keyword
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import jinja2

from benchbed import __version__
from benchbed.catalog.names import derived_name, name_fault, quoted
from benchbed.errors import BenchbedError, UsageError

Content = Literal["optimizer", "problem"]

_PACKAGE_FILES = {
    "pyproject.toml": "pyproject.toml.jinja",
    "README.md": "README.md.jinja",
    "LICENSE": "LICENSE.jinja",
    ".gitignore": "gitignore.jinja",
    ".github/workflows/tests.yml": "tests.yml.jinja",
}
"""Templates of a package by path, without the module and its test."""


def plugin_file(name: str, content: Content) -> dict[str, str]:
    """Return the file of a plugin with one optimizer or problem, by path: `my-rule` is in `my_rule.py`.

    Raises: UsageError if the name cannot be that of an object, a file and a function.
    """
    values = _values(name, content)
    return {f"{values['identifier']}.py": _source(content, values, values["identifier"])}


def plugin_package(name: str, content: Content) -> dict[str, str]:
    """Return the files of a package with one optimizer or problem, its tests and its workflow, by path.

    Raises: UsageError if the name cannot be that of an object, a package and a function.
    """
    values = _values(name, content)
    module = f"benchbed_{values['identifier']}"
    return {
        **{path: _render(template, values) for path, template in _PACKAGE_FILES.items()},
        f"src/{module}/__init__.py": _source(content, values, module),
        f"src/{module}/py.typed": "",
        "tests/test_conformance.py": _render(f"test_{content}.py.jinja", values),
    }


def write_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write files below a folder, which may not exist yet, and return their paths.

    Raises: UsageError if one of them exists, BenchbedError if one cannot be written.
    """
    paths = [folder / relative for relative in files]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} exists and is not overwritten; choose another name, or remove it")
    for path, text in zip(paths, files.values(), strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise BenchbedError(f"cannot write {path}: {error.strerror}; choose a folder by -O") from error
    return paths


def _values(name: str, content: Content) -> dict[str, str]:
    """Return the values of all templates. Raises: UsageError if the name is not allowed."""
    fault = name_fault(name)
    if fault is not None:
        raise UsageError(f"{fault}, such as 'my-rule'")
    words = [word for word in name.split("-") if word]
    identifier, class_name = "_".join(words), "".join(word.capitalize() for word in words)
    derived = "-".join(words) if content == "optimizer" else derived_name(type(class_name, (), {}))
    return {
        "name": name,
        "identifier": identifier,
        "content": content,
        "optimizer_name": identifier,
        "problem_name": class_name,
        # `register` derives the name from that of the function or class.
        "name_argument": "" if derived == name else f', name="{name}"',
        "version": __version__,
        "year": str(datetime.now(tz=UTC).year),
    }


def _source(content: Content, values: Mapping[str, str], module: str) -> str:
    """Return the source of a module. Raises: UsageError if its name, or that of its object, is taken in Python."""
    source = _render(f"{content}.py.jinja", values)
    python_name = values[f"{content}_name"]
    hooks = {"register_optimizers", "register_problems"}
    fault = None
    if keyword.iskeyword(python_name):
        fault = "it is a keyword of Python"
    elif python_name in hooks.union(
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ):
        fault = f"the file uses {python_name} for something else"
    elif find_spec(module) is not None:
        fault = f"it would hide the installed module {module}"
    if fault is not None:
        raise UsageError(f"{quoted(values['name'])} cannot name a plugin: {fault}; choose another name")
    return source


def _render(template: str, values: Mapping[str, str]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
