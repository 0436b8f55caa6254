"""Read what was asked for: a suite's TOML, the options that override it, and the suite that a preset names."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from benchbed.catalog import Catalog
from benchbed.errors import UsageError
from benchbed.interfaces import Engine
from benchbed.plan.model import TRACKS, Checkpoints, Track

MOST_BYTES = 1_000_000


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A suite as a user writes it; None where the preset or the problem decides."""

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

    def over(self, base: "Request") -> "Request":
        """Take this request where it says something, and `base` where it does not."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(base, **said)


def read_suite(path: Path) -> Request:
    """Read a suite; raises UsageError naming the place where it is not one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} has more than {MOST_BYTES} bytes; a suite is a short TOML file")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the suite {path}: {error.strerror}; give the path of a TOML file"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}; correct that place") from error
    except RecursionError as error:
        raise UsageError(
            f"{path} is nested too deeply; a suite is a flat table of names and lists"
        ) from error
    request = as_request(values, str(path))
    return request if request.name else msgspec.structs.replace(request, name=path.stem)


def as_request(values: dict[str, Any], place: str) -> Request:
    """Validate a suite's keys and types; raises UsageError with the near spelling of an unknown key."""
    known = Request.__struct_fields__
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"a suite has the keys {', '.join(known)}"
            raise UsageError(f"{place}: unknown key {key!r}; {hint}")
    try:
        return msgspec.convert(values, Request)
    except msgspec.ValidationError as error:
        offers = {"$.tracks": ("tracks", TRACKS), "$.engine": ("engines", tuple(Engine))}
        hints = [
            f" ({name} are {', '.join(words)})" for at, (name, words) in offers.items() if at in str(error)
        ]
        raise UsageError(
            f"{place}: {str(error)[0].lower()}{str(error)[1:]}{''.join(hints)}; correct that value"
        ) from error


def complete_request(catalog: Catalog, options: Request, suite: Path | None) -> Request:
    """Lay the options over the suite given, or over the one that is shipped under the preset's name.

    A suite that a plugin brings may be given by its name, where no file has that name.
    """
    if suite is not None:
        registered = str(suite) in catalog.names("suites") and not suite.exists()
        return options.over(
            read_suite(catalog.entry("suites", str(suite)).implementation if registered else suite)
        )
    name = options.preset or "standard"
    if options.problems and options.optimizers:
        return options.over(Request(name=name, preset=name))
    return options.over(read_suite(catalog.entry("suites", name).implementation))
