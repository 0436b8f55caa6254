"""Requests of the user: the TOML file of a suite, and options that override it."""

import codecs
import math
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import msgspec

from benchbed.catalog.lookup import Catalog
from benchbed.catalog.names import quoted, suggestion
from benchbed.catalog.torch_references import modules_of
from benchbed.errors import UsageError
from benchbed.formatting import folder_name_fault
from benchbed.interfaces import Engine
from benchbed.interfaces.results import Track
from benchbed.plan.model import TRACKS, Checkpoints
from benchbed.plan.presets import preset_of
from benchbed.plan.selectors import parse_selector

MOST_BYTES = 1_000_000
MOST_TRIALS = 10_000_000
_CHOICES = {
    "tracks": ("track", TRACKS),
    "checkpoints": ("value of checkpoints", get_args(Checkpoints)),
    "dtype": ("dtype", ("float32", "float64")),
    "engine": ("engine", tuple(map(str, Engine))),
}
"""For each key with a fixed set of values: the word for one of them, and the values."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A suite as a user writes it; None stands for the value of the preset or the problem."""

    name: str | None = None
    preset: str | None = None
    problems: tuple[str, ...] | None = None
    optimizers: tuple[str, ...] | None = None
    tracks: tuple[Track, ...] | None = None
    checkpoints: Checkpoints | None = None
    steps: int | None = None
    seeds: int | None = None
    seed: int | None = None
    device: str | None = None
    dtype: str | None = None
    gradient: str | None = None
    engine: Engine | None = None
    tolerance: float | None = None
    stop_when_solved: bool | None = None
    skip_unusable: bool | None = None
    """Leave out problems and optimizers that cannot be used, instead of running none."""

    def over(self, base: "Request") -> "Request":
        """Return this request with the values of `base` where it has None."""
        values = {
            name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(base, **values)

    def check_values(self) -> None:
        """Check the name and the ranges of the numbers. Raises: UsageError with the value and the rule."""
        fault = None if self.name is None else folder_name_fault(self.name)
        if fault is not None:
            raise UsageError(
                f"the name {quoted(self.name)} of the suite cannot name its folder: {fault}; write another name, such "
                'as name = "mine", into the suite'
            )
        for name in ("steps", "seeds"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST_TRIALS:
                raise UsageError(f"{name} is {value}; it must be between 1 and {MOST_TRIALS}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise UsageError(f"seed is {self.seed}; it must be between 0 and 2**63 - 1")
        if self.tolerance is not None and not 0 < self.tolerance < math.inf:
            raise UsageError(
                f"tolerance is {self.tolerance:g}; it must be positive and finite (leave it out to spend the budget)"
            )
        if self.tracks is not None and len(set(self.tracks)) != len(self.tracks):
            raise UsageError("a track is named twice; name each track once")


def read_suite(path: Path) -> Request:
    """Read a suite. Raises: UsageError if the file cannot be read or is not a suite."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)  # also from a device without an end
        if len(content) > MOST_BYTES:
            raise UsageError(f"{path} has more than {MOST_BYTES} bytes; a suite is a short TOML file")
        encoding = _wide_encoding(content)
        if encoding is not None:
            raise UsageError(f"{path} is encoded in {encoding}; save it as UTF-8")
        values = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"cannot read the suite {path}: {error.strerror}; give the path of a TOML file"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except ValueError as error:  # TOMLDecodeError, or an integer with thousands of digits
        raise UsageError(f"{path} is not valid TOML: {error}; correct it there") from error
    except RecursionError as error:
        raise UsageError(
            f"{path} is nested too deeply; a suite is a flat table of names and lists"
        ) from error
    request = as_request(values, str(path))
    return request if request.name is not None else msgspec.structs.replace(request, name=path.stem)


def _wide_encoding(content: bytes) -> str | None:
    """Return the encoding of text whose characters have several bytes each, None if they do not."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or content[1:3] == b"\0\0":
        return "UTF-32"
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:2]
    return "UTF-16" if is_wide else None


def as_request(values: dict[str, Any], source: str) -> Request:
    """Check the keys and values of a suite, or of options. Raises: UsageError with `source` and a suggestion."""
    prefix = f"{source}: " if source else ""
    keys = Request.__struct_fields__
    for key, value in values.items():
        if key not in keys:
            hint = suggestion(key, keys) or f"; a suite has the keys {', '.join(keys)}"
            raise UsageError(f"{prefix}unknown key {key!r}{hint}")
        noun, choices = _CHOICES.get(key, ("", ()))
        for item in value if isinstance(value, list | tuple) else [value]:
            if choices and isinstance(item, str) and item not in choices:
                hint = suggestion(item, choices) or f"; choose one of {', '.join(choices)}"
                raise UsageError(f"{prefix}unknown {noun} {item!r}{hint}")
    try:
        return msgspec.convert(values, Request)
    except msgspec.ValidationError as error:
        message = str(error)
        raise UsageError(f"{prefix}{message[0].lower()}{message[1:]}; correct that value") from error


def check_imports(optimizers: Iterable[str], source: Path, allow_import: bool) -> None:
    """Check that a file from somebody else chooses no code to import, unless the user allows it.

    Raises: UsageError if an optimizer is a `module:Class` of another module than torch.optim.
    """
    for selector in () if allow_import else optimizers:
        for module in modules_of(*parse_selector(selector)):
            if module != "torch.optim":
                raise UsageError(
                    f"{source} names the optimizer {quoted(selector)}, for which the module {quoted(module)} would be "
                    "imported and its code run; add --allow-import if you trust both"
                )


def complete_request(
    catalog: Catalog, options: Request, suite: Path | None, allow_import: bool = False
) -> Request:
    """Return the options over the suite, which is a TOML file, or the name of a registered suite.

    Without a suite, the registered suite with the name of the preset is used. `allow_import` allows a file to name
    classes of any module as optimizers.

    Raises: UsageError if the suite cannot be used.
    """
    if suite is not None:
        is_file = suite.suffix == ".toml" or os.path.exists(suite)  # noqa: PTH110 (any name is allowed)
        # A study folder often has the name of its suite.
        is_file &= not (str(suite) in catalog.names("suites") and os.path.isdir(suite))  # noqa: PTH112 (as above)
        if not is_file:  # of an installed plugin, which runs its own code anyway
            return options.over(read_suite(catalog.entry("suites", str(suite)).implementation))
        request = read_suite(suite)
        if options.optimizers is None:
            check_imports(request.optimizers or (), suite, allow_import)
        return options.over(request)
    name = options.preset or "standard"
    preset_of(name)  # raises for an unknown name
    if options.problems and options.optimizers:
        return options.over(Request(name=name, preset=name))
    return options.over(read_suite(catalog.entry("suites", name).implementation))
