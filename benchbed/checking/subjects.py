"""The registered objects that a user names to be checked, each with the pairing in which its step is measured."""

import hashlib
from pathlib import Path

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import prefixed, quoted, suggestion, wrapped_names
from benchbed.catalog.records import AROUND, Kind
from benchbed.errors import UsageError
from benchbed.plan import format_selector, parse_selector

CHECKED_KINDS: tuple[Kind, ...] = ("optimizers", "problems", "wrappers", "transforms")
"""Kinds with claims; objects of other kinds are only registered."""

_REFERENCE_PLUGIN = """\
from benchbed.catalog.torch_references import reference_hooks

register_problems, register_optimizers = reference_hooks({reference!r})
"""


class CheckSubject(msgspec.Struct, frozen=True):
    """A registered object with parameters, and the pairing in which its step is measured."""

    kind: Kind
    selector: str
    problem: str
    optimizer: str


def file_of_target(target: str, folder: Path) -> Path | None:
    """Return the plugin file that registers the objects of a target; None if they are registered already.

    For a reference, `module:name` or `FILE.py:name`, it is written to `folder`.
    """
    name = target.partition("[")[0]
    if ":" not in name:
        return Path(target) if target.endswith(".py") else None
    if "(" in name or name.startswith("torch.optim:"):
        return None
    # Two references may end in one name, and one may stand in several targets with other parameters.
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    path = folder / digest / f"{name.rpartition(':')[2]}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(_REFERENCE_PLUGIN.format(reference=name), encoding="utf-8")
    return path


def find_subjects(
    catalog: Catalog, target: str, file: Path | None, problem: str, optimizer: str
) -> list[CheckSubject]:
    """Return the objects that a target names; none if its plugin file is broken.

    Args:
        catalog: The catalog, with the plugin file of the target.
        target: `NAME`, `FILE.py`, `module:name` or `FILE.py:name`; parameters may follow in brackets.
        file: The plugin file of the target, from `file_of_target`.
        problem: Selector of the problem on which optimizers are measured.
        optimizer: Selector of the optimizer that is measured on problems and in wrappers.

    Raises: UsageError if no registered object has this name.
    """
    selectors: list[tuple[Kind, str]]
    if file is None:
        selectors = [(kind, target) for kind in _kinds_of(catalog, parse_selector(target).name)]
    else:
        brackets = "".join(target.partition("[")[1:])
        selectors = [
            (entry.kind, f"{entry.name}{brackets}")
            for record in catalog.plugins
            if record.distribution == str(file)
            for entry in record.entries
        ]
    return [
        CheckSubject(kind, selector, *_pairing(kind, selector, problem, optimizer))
        for kind, selector in selectors
    ]


def _kinds_of(catalog: Catalog, name: str) -> list[Kind]:
    """Return the kinds of the objects with a name, or of the innermost object in `cosine(adam)`."""
    inner = wrapped_names(name)[-1]
    is_combined = inner != name
    kinds = [kind for kind in CHECKED_KINDS if catalog.has(kind, inner)]
    if inner.startswith("torch.optim:"):
        kinds = ["optimizers"]
    kinds = [kind for kind in kinds if not is_combined or kind in AROUND]
    for kind in kinds:
        catalog.entry(kind, name)  # raises for an unknown wrapper, and for a name of two plugins
    if not kinds:
        names = [candidate for kind in CHECKED_KINDS for candidate in catalog.names(kind)]
        raise UsageError(
            f"unknown name {quoted(inner)}{suggestion(inner, names)}; name an optimizer, a problem, a "
            "wrapper or a transform (see `benchbed list`), or a file as FILE.py"
        )
    return kinds


def _pairing(kind: Kind, selector: str, problem: str, optimizer: str) -> tuple[str, str]:
    """Return the problem and the optimizer of the pairing in which an object is measured."""
    match kind:
        case "problems":
            return selector, optimizer
        case "optimizers":
            return problem, selector
        case "wrappers":
            return problem, _around(selector, optimizer)
        case "transforms":
            return _around(selector, problem), optimizer
    return problem, optimizer


def _around(outer: str, inner: str) -> str:
    """Return the selector of a wrapped optimizer, or of a transformed problem."""
    name, parameters = parse_selector(outer)
    inner_name, inner_parameters = parse_selector(inner)
    own = {prefixed(name, key): value for key, value in parameters.items()}
    return format_selector(f"{name}({inner_name})", {**inner_parameters, **own})
