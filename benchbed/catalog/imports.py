"""Modules that a module imports, resolved from its source without running any code."""

import ast
import contextlib
import functools
import importlib.util
import re
import sys
import sysconfig
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from benchbed.catalog.installed import INSTALLATION_FOLDERS, Installed, installed_in

_LONGEST_NAME = 200
_READING = ("read", "load", "genfromtxt", "fromfile", "imread")
_WRITING_MODES = {f"{mode}{kind}" for mode in "wax" for kind in ("", "b", "t", "+", "b+")}
_DYNAMIC_IMPORTS = {"import_module", "__import__", "find_spec"}
_STANDARD_LIBRARY = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}


class SourceModule(NamedTuple):
    """A module with the file that defines it."""

    name: str
    file: Path

    @property
    def package(self) -> str:
        """The package that relative imports refer to."""
        return self.name if self.file.stem == "__init__" else self.name.rpartition(".")[0]

    @property
    def is_standard(self) -> bool:
        """Whether the module belongs to the standard library."""
        file = self.file.resolve()
        return not INSTALLATION_FOLDERS.intersection(file.parts) and any(
            file.is_relative_to(folder) for folder in _STANDARD_LIBRARY
        )


def distribution_of(module: SourceModule) -> Installed | None:
    """Return the distribution that installed a module's file; None for editable installs, whose files may change."""
    folder, path = _location(module)
    return next((owner for owner in installed_in(folder) if owner.owns(path)), None)


def versions_beside(module: SourceModule) -> dict[str, str]:
    """Return the versions of the distributions in the folder of a module that are named after it."""
    folder, _ = _location(module)
    top_level = module.name.partition(".")[0]
    owners = installed_in(folder)
    return {owner.name: owner.version for owner in owners if owner.is_named_after(top_level)}


def parents_of(module: SourceModule) -> Iterator[SourceModule]:
    """Yield the packages that contain a module, which Python imports before it."""
    for match in re.finditer(r"\.", module.name):
        package = find_module(module.name[: match.start()])
        if package is not None:
            yield package


def imported_modules(module: SourceModule) -> Iterator[SourceModule]:
    """Yield the modules that a module imports anywhere, also in functions, and those that its names come from.

    Modules without a file and those that cannot be found are left out.
    """
    names = {*_names_in_source(module), *_names_in_namespace(module)}
    for name in sorted(names):
        imported = find_module(name)
        if imported is not None:
            yield imported


def find_module(name: str) -> SourceModule | None:
    """Return a module with its file, as loaded or as an import would find it; imports no package on the way."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        return SourceModule(name, Path(file)) if isinstance(file, str) else None
    folders = None
    spec = None
    for position in [match.start() for match in re.finditer(r"\.|$", name)]:
        parent = name[:position]
        if parent in sys.modules:
            folders = getattr(sys.modules[parent], "__path__", None)
        else:
            specs = (_search(finder, parent, folders) for finder in sys.meta_path)
            spec = next((spec for spec in specs if spec is not None), None)
            folders = None if spec is None else spec.submodule_search_locations
        if folders is None and parent != name:
            return None
    if spec is None or not spec.has_location or not spec.origin:
        return None
    return SourceModule(name, Path(spec.origin))


def files_read_by(module: SourceModule) -> Iterator[Path]:
    """Yield the files that string literals in reading calls of a module name: its numbers depend on them.

    A name may be relative to the folder of the module, to the one above, to a folder in them that another literal
    names, or to the working directory.
    """
    nodes = list(ast.walk(_tree_of(_source_of(module))))
    assigned = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = set[str]()
    for call in nodes:
        if isinstance(call, ast.Call) and _reads(call):
            inside = list(ast.walk(call))
            variables = [
                assigned[node.id] for node in inside if isinstance(node, ast.Name) and node.id in assigned
            ]
            inside += [node for variable in variables for node in ast.walk(variable)]
            names |= {str(node.value) for node in inside if isinstance(node, ast.Constant) if node.value}
    names = {name for name in names if len(name) <= _LONGEST_NAME and name.isprintable()}
    beside = [module.file.parent, module.file.parent.parent]
    folders = [*beside, Path()]
    folders += [path for folder in beside for name in sorted(names) if (path := folder / name).is_dir()]
    with contextlib.suppress(OSError):
        yield from sorted(
            {path.resolve() for folder in folders for name in names if (path := folder / name).is_file()}
        )


def _reads(call: ast.Call) -> bool:
    """Return whether the name of the called function is that of one that usually reads a file."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name != "open":
        return name.startswith(_READING)
    return not any(isinstance(value, ast.Constant) and value.value in _WRITING_MODES for value in call.args)


def _search(finder: Any, name: str, folders: object) -> Any:
    with contextlib.suppress(Exception):  # a finder is third-party code
        return finder.find_spec(name, folders)
    return None


def _source_of(module: SourceModule) -> bytes:
    """Return the source of a module, or nothing if it has none or cannot be read, and so not be imported either."""
    if module.file.suffix in EXTENSION_SUFFIXES:
        return b""
    try:
        return module.file.read_bytes()
    except OSError:
        return b""


def _tree_of(source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])  # it cannot be imported either


class _ImportStatement(NamedTuple):
    """A name that a module imports, as its source writes it."""

    name: str
    member: str | None = None
    """The name after `from … import`, which may be a module or a value."""


def _names_in_source(module: SourceModule) -> Iterator[str]:
    for statement in _import_statements(_source_of(module)):
        base = _absolute(statement.name, module) if statement.name.startswith(".") else statement.name
        member = f"{base}.{statement.member}"
        yield base if statement.member is None or find_module(member) is None else member


@functools.lru_cache(maxsize=2048)  # the objects of a plugin import the same modules
def _import_statements(source: bytes) -> tuple[_ImportStatement, ...]:
    statements = []
    for node in ast.walk(_tree_of(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                statements.append(_ImportStatement(alias.name))
                if alias.asname is None:  # `import a.b` binds a
                    packages = (alias.name[: match.start()] for match in re.finditer(r"\.", alias.name))
                    statements += map(_ImportStatement, packages)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            statements += [_ImportStatement(base, alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = (
                node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            )
            if function in _DYNAMIC_IMPORTS and isinstance(node.args[0].value, str):
                statements.append(_ImportStatement(node.args[0].value))
    return tuple(statements)


def _absolute(name: str, module: SourceModule) -> str:
    try:
        return importlib.util.resolve_name(name, module.package)
    except ImportError:  # beyond the top-level package
        return ""


def _names_in_namespace(module: SourceModule) -> Iterator[str]:
    """Yield the modules of a loaded module's values: names that are computed are not in the source."""
    for value in list(vars(sys.modules.get(module.name, object)).values()):
        origin: object
        if isinstance(value, ModuleType):
            origin = value.__name__
        elif isinstance(value, FunctionType | type):
            origin = getattr(value, "__module__", None)  # a plugin may set it to anything
        else:
            continue
        # An imported submodule is an attribute of its package, even if another module imported it.
        if isinstance(origin, str) and not origin.startswith(f"{module.name}."):
            yield origin


def _location(module: SourceModule) -> tuple[Path, str]:
    """Return the folder on the import path in which a module lies, and its path there."""
    file = module.file.absolute()
    depth = len(module.name.split(".")) - (file.stem != "__init__")
    folder = file.parents[min(depth, len(file.parents) - 1)]
    return folder, file.relative_to(folder).as_posix()
