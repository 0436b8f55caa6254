"""Names of registered objects, and texts of third-party plugins made safe to print."""

import difflib
import os
import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

import pluggy

from benchbed.formatting import is_device, printable

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_GROUP_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST_QUOTE = 100
_LONGEST_LINE = 500
_MOST_LINES = 200
# Frames of these files are left out of tracebacks, because they do not help the author of a plugin.
_LOADER_FILES = (
    str(Path(__file__).parent),
    str(Path(__file__).parents[1] / "cli"),
    str(Path(pluggy.__file__).parent),
    "<frozen importlib",
    str(Path(os.__file__).parent / "importlib"),
)
_INSTALLED = re.compile(r".*[/\\](?:site|dist)-packages[/\\]([^/\\]+)")
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"] + os.sep
_CORE = str(Path(__file__).parents[1]) + os.sep
_FRAMEWORKS = ("python", "benchbed", "torch")


def quoted(value: object) -> str:
    """Return a value in quotes, with control characters escaped and long text cut."""
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return repr(cut) if isinstance(value, str) else one_line(cut)


def one_line(text: str) -> str:
    """Return text as one printable line of bounded length."""
    line = " ".join(text.split())
    cut = line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "…"
    return printable(cut)


def printable_lines(text: str) -> str:
    """Return text of which each line is printable, with a bounded number of lines of bounded length."""
    lines = [line.expandtabs().rstrip()[:_LONGEST_LINE] for line in text.splitlines()[:_MOST_LINES]]
    return "\n".join(map(printable, lines))


def error_line(error: BaseException) -> str:
    """Return the type and message of an error in one line, even if its `__str__` fails."""
    lines = list(traceback.TracebackException(type(error), error, None).format_exception_only())
    return one_line(lines[-1] if isinstance(error, SyntaxError) else " ".join(lines))


def plugin_traceback(error: BaseException) -> tuple[str, str]:
    """Return the location of an error in a plugin, ` (file.py:12)`, and the traceback without the loader's frames.

    An error that the plugin's line causes within torch or another package is located at this line.
    """

    def package_of(file: str) -> str:
        """Return the installed package of a file, "python" for the standard library, "" if it is not installed."""
        if file.startswith(_CORE):
            return "benchbed"
        installed = _INSTALLED.match(file)
        if installed:
            return installed[1]
        return "python" if file.startswith(("<", _STANDARD_LIBRARY)) else ""

    formatted = traceback.TracebackException.from_exception(error)
    chained: traceback.TracebackException | None = formatted
    while chained is not None:
        frames = [frame for frame in chained.stack if not frame.filename.startswith(_LOADER_FILES)]
        chained.stack = traceback.StackSummary.from_list(frames)
        chained = chained.__cause__ or chained.__context__
    # A plugin consists of files that are not installed, or of the package of its outermost frame.
    packages = [package_of(frame.filename) for frame in formatted.stack]
    own = next((package for package in packages if package not in _FRAMEWORKS), "")
    locations = [(frame.filename, frame.lineno) for frame in formatted.stack]
    locations = [
        place for place, package in zip(locations, packages, strict=True) if package in ("", own)
    ] or locations
    if isinstance(error, SyntaxError) and error.filename:
        locations.append((error.filename, error.lineno))
    location = f" ({Path(locations[-1][0]).name}:{locations[-1][1]})" if locations else ""
    return location, "".join(formatted.format())


def reason(error: ValueError) -> str:
    """Return the message of a ValueError in one line, without the type: its author wrote it for the user."""
    return one_line(str(error)) or "ValueError"


def name_fault(name: object) -> str | None:
    """Return the reason why a name is not allowed, None if it is."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        rule = "a letter, then letters, digits and hyphens, all lower case, at most 64"
        return f"name {quoted(name)} is not allowed; use {rule}"
    if is_device(name):
        return f"name {quoted(name)} is a device on Windows and cannot name a file there; use another"
    return None


def is_group_name(name: object) -> bool:
    """Return whether a group of problems or a family of optimizers can have this name."""
    return isinstance(name, str) and _GROUP_NAME.fullmatch(name) is not None


def wrapped_names(name: str) -> tuple[str, ...]:
    """Return the names in `cosine(clip(adam))`: the wrappers, the outermost first, and the optimizer."""
    return tuple(name.rstrip(")").split("("))


def prefixed(wrapper: str, parameter: str) -> str:
    """Return the name of a wrapper's parameter beside those of the optimizer: `cosine_warmup`."""
    return f"{wrapper.replace('-', '_')}_{parameter}"


def derived_name(implementation: object) -> str:
    """Return the default name: `my_rule` is named `my-rule`, `MyProblem` `my-problem`, an object like its class."""
    implementation = getattr(implementation, "func", implementation)  # functools.partial
    name = getattr(implementation, "__name__", None)
    if isinstance(implementation, type) or not isinstance(name, str):
        named_class = implementation if isinstance(implementation, type) else type(implementation)
        return _WORD_BOUNDARY.sub("-", named_class.__name__).replace("_", "-").lower()
    return name.strip("_").replace("_", "-")


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'quartic'?` if a name is similar or has these initials (`lr`), else an empty string."""
    by_lower_case = {candidate.lower(): candidate for candidate in names}
    wanted = name[:_LONGEST_QUOTE].lower()
    similar = difflib.get_close_matches(wanted, by_lower_case, n=1) or [
        candidate
        for candidate in by_lower_case
        if "".join(syllable[:1] for syllable in candidate.split("_")) == wanted
    ]
    return f"; did you mean {by_lower_case[similar[0]]!r}?" if similar else ""
