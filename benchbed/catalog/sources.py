"""Identity of registered objects: the files and versions that their numbers depend on; and their documentation."""

import functools
import hashlib
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import FunctionType, MethodType
from typing import NamedTuple

from benchbed.catalog.content import Content, is_named
from benchbed.catalog.discovery import FILE_MODULE
from benchbed.catalog.imports import (
    SourceModule,
    distribution_of,
    files_read_by,
    find_module,
    imported_modules,
    parents_of,
    versions_beside,
)
from benchbed.catalog.installed import Installed
from benchbed.catalog.records import InvalidPluginError, Origin
from benchbed.interfaces import Figure, Gradient
from benchbed.interfaces.references import SUFFIX

LARGE_FILE_BYTES = 2**24
"""Data files with more bytes are identified by their size and time."""


class ModuleFacts(NamedTuple):
    """Dependencies of the objects that a module defines."""

    files: dict[str, str]
    """Digests of the module and of the files that it reads."""
    versions: dict[str, str]
    """Versions of the distributions that are named after it."""
    imports: tuple[SourceModule, ...]


def origin_of(
    implementation: object,
    module: str,
    distribution: str,
    version: str,
    facts: dict[SourceModule, ModuleFacts],
) -> Origin:
    """Return the files and versions that an object depends on, which `module` of a distribution registers.

    The files are those of the defining module and, transitively, of the modules that it imports from its distribution
    or that no distribution installed. Other distributions count by version; benchbed and its dependencies do not
    count, because a study records their versions. The facts of each module are added to `facts`, and read from there
    for the next object of the plugin: analysing a source takes milliseconds.

    Raises: InvalidPluginError if the object is not defined in a file, or a file cannot be read.
    """
    definition = _definition(implementation)
    root = _root_of(definition)
    versions = {distribution: version} if version and distribution != "benchbed" else {}
    files = {_label(root): _file_digest(root.file)}
    if not _is_core(root):
        roots = [root, *filter(None, map(_module_of, _layers(implementation)))]
        # Its module does not know its arguments, but the one that registers it does.
        if not is_named(implementation):
            roots += filter(None, [_module_of(sys.modules.get(module))])
        _follow(roots, distribution_of(root), distribution == "benchbed", files, versions, facts)
    name = getattr(definition, "__qualname__", type(definition).__qualname__)
    return Origin(f"{_label(root)}:{name}", files, versions)


def origin_of_content(name: str, content: Content) -> Origin:
    """Return the origin of an object that no file defines: its content, and the modules that it refers to."""
    files, versions = {f"{name} (content)": content.digest}, dict[str, str]()
    _follow(list(filter(None, map(find_module, content.modules))), None, False, files, versions, {})
    return Origin(name, files, versions, is_passed=True)


def file_origin(implementation: object) -> Origin:
    """Return the file that is registered, or that defines an object whose code affects no number.

    Raises: InvalidPluginError if there is no such file, or it cannot be read.
    """
    path = implementation if isinstance(implementation, Path) else _root_of(_definition(implementation)).file
    return Origin(path.name, {path.name: _file_digest(path)})


def documentation(implementation: object) -> str:
    """Return the docstring, or the comment at the top of a suite."""
    if isinstance(implementation, Path):
        lines = implementation.read_text(encoding="utf-8").splitlines()
        comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
        return "\n".join(line.lstrip("#").strip() for line in comment)
    if isinstance(implementation, Figure):
        return implementation.title
    definition = _definition(implementation)
    docstring = inspect.getdoc(definition) or ""
    # The default docstring of a dataclass is its signature.
    is_signature = isinstance(definition, type) and docstring.startswith(f"{definition.__name__}(")
    return "" if is_signature else docstring.strip()


def _follow(
    roots: list[SourceModule],
    owner: Installed | None,
    is_built_in: bool,
    files: dict[str, str],
    versions: dict[str, str],
    facts: dict[SourceModule, ModuleFacts],
) -> None:
    """Add the files of `roots` and of the modules that they import, but the versions of other distributions."""
    pending, seen = roots[::-1], set[str]()
    while pending:
        module = pending.pop()
        if module.name in seen or _is_core(module) or module.is_standard:
            continue
        seen.add(module.name)
        installed = distribution_of(module)
        if installed is not None and (owner is None or installed.name != owner.name):
            if _normalized(installed.name) not in _core_packages():
                versions[installed.name] = installed.version
                # Two builds may have one version.
                lines = (installed.record or "").splitlines()
                code = "\n".join(sorted(line for line in lines if ".py," in line))
                files[f"{installed.name} (record)"] = hashlib.sha256(code.encode()).hexdigest()[:16]
            continue
        if module not in facts:
            facts[module] = _facts_of(module, is_built_in)
        files |= facts[module].files
        versions |= facts[module].versions
        pending += facts[module].imports


def _facts_of(module: SourceModule, is_built_in: bool) -> ModuleFacts:
    files = {_label(module): _file_digest(module.file)}
    references = module.file.with_suffix(SUFFIX)
    if references.is_file():
        files[f"{_label(module)} ({references.name})"] = _file_digest(references)
    for file in () if is_built_in else files_read_by(module):
        files[f"{_label(module)} ({file.name})"] = _data_digest(file)
    # Packages run before their modules, but what they import besides need not matter. Those of benchbed only
    # register their modules.
    for package in () if is_built_in else parents_of(module):
        files[_label(package)] = _file_digest(package.file)
    return ModuleFacts(files, versions_beside(module), tuple(imported_modules(module)))


def _definition(implementation: object) -> object:
    """Return the function or class behind decorators and partial application, the class of other objects."""
    definition = implementation.differentiate if isinstance(implementation, Gradient) else implementation
    while isinstance(definition, functools.partial):
        definition = definition.func
    if callable(definition):
        definition = inspect.unwrap(definition)
    has_source = isinstance(definition, type) or inspect.isroutine(definition) or inspect.ismodule(definition)
    return definition if has_source else type(definition)


def _layers(implementation: object) -> Iterator[object]:
    """Yield the functions and classes that an object consists of: wrapped ones, arguments and base classes."""
    pending, seen = [implementation], set[int]()
    while pending:
        layer = pending.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, functools.partial):
            pending += [layer.func, *filter(callable, [*layer.args, *layer.keywords.values()])]
        elif isinstance(layer, MethodType):
            pending += [layer.__func__, layer.__self__]
        elif isinstance(layer, type):
            yield from layer.__mro__
        elif isinstance(layer, FunctionType):
            yield layer
            pending += filter(callable, inspect.getclosurevars(layer).nonlocals.values())
        else:
            pending += [type(layer)]
            pending += filter(callable, layer) if isinstance(layer, Gradient) else []
        wrapped = getattr(layer, "__wrapped__", None)
        pending += [] if wrapped is None else [wrapped]


def _module_of(definition: object) -> SourceModule | None:
    """Return the module in which a function, class or module is defined; None if it has no file."""
    code = getattr(definition, "__code__", None)
    if code is not None and not code.co_filename.startswith("<"):
        # A decorator may have copied `__module__` from the function that it wraps.
        return SourceModule(str(definition.__globals__.get("__name__")), Path(code.co_filename))  # type: ignore[attr-defined]  # it has code
    module = (
        definition if inspect.ismodule(definition) else sys.modules.get(getattr(definition, "__module__", ""))
    )
    file = getattr(module, "__file__", None)
    return SourceModule(module.__name__, Path(file)) if module is not None and file else None


def _root_of(definition: object) -> SourceModule:
    root = _module_of(definition)
    if root is None:
        raise InvalidPluginError(
            "it is not defined in a file, so that its versions cannot be distinguished; define it in a module"
        )
    return root


def _label(module: SourceModule) -> str:
    return module.file.name if module.name.startswith(FILE_MODULE) else module.name


def _file_digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InvalidPluginError(f"its source {str(path)!r} cannot be read: {error.strerror}") from error


def _data_digest(path: Path) -> str:
    """Return a digest of the content of a file, or of the size and time of a large one, which takes seconds to read."""
    status = path.stat()
    if status.st_size <= LARGE_FILE_BYTES:
        return _file_digest(path)
    return hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:16]


def _is_core(module: SourceModule) -> bool:
    return _normalized(module.name.partition(".")[0]) in _core_packages()


@functools.cache
def _core_packages() -> frozenset[str]:
    """Return the names of benchbed and its dependencies."""
    requirements = metadata.requires("benchbed") or []
    names = [re.match(r"[\w.-]+", requirement) for requirement in requirements]
    return frozenset(["benchbed", *(_normalized(name[0]) for name in names if name)])


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
