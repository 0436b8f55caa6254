"""Say which names are allowed, derive them, and quote names and errors without trusting them."""

import difflib
import re
import traceback
from collections.abc import Iterable

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONGEST_QUOTE = 100
_LONGEST_LINE = 500


def quoted(value: object) -> str:
    """Quote a value of any origin: control characters escaped, long ones cut."""
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return repr(cut) if isinstance(value, str) else one_line(cut)


def one_line(text: str) -> str:
    """Make text of any origin one printable line of bounded length."""
    words = " ".join(text.split())
    cut = words if len(words) <= _LONGEST_LINE else words[:_LONGEST_LINE] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def error_line(error: BaseException) -> str:
    """Say in one line what was raised, even where the error cannot say it itself."""
    lines = list(traceback.TracebackException(type(error), error, None).format_exception_only())
    return one_line(lines[-1] if isinstance(error, SyntaxError) else " ".join(lines))


def reason(error: ValueError) -> str:
    """Give in one line what a ValueError says, without its type: its author wrote it for the user."""
    return one_line(str(error)) or "ValueError"


def name_fault(name: object) -> str | None:
    """Say why `name` cannot be the name of a thing, or None if it can."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        rule = "a letter, then letters, digits and hyphens, all lower case, at most 64"
        return f"name {quoted(name)} is not allowed; use {rule}"
    if _DEVICE.fullmatch(name):
        return f"name {quoted(name)} is a device on Windows and cannot name a file there; use another"
    return None


def derived_name(thing: object) -> str:
    """Derive a name: `my_rule` gives `my-rule`, `MyProblem` gives `my-problem`, an object its class's."""
    thing = getattr(thing, "func", thing)  # functools.partial
    name = getattr(thing, "__name__", None)
    if isinstance(thing, type) or not isinstance(name, str):
        named = thing if isinstance(thing, type) else type(thing)
        return _HUMP.sub("-", named.__name__).replace("_", "-").lower()
    return name.strip("_").replace("_", "-")


def suggestion(name: str, names: Iterable[str]) -> str:
    """Give `; did you mean 'quartic'?` where a name lies near or is abbreviated (`lr`), else nothing."""
    known = {known.lower(): known for known in names}
    wanted = name[:_LONGEST_QUOTE].lower()
    near = difflib.get_close_matches(wanted, known, n=1) or [low for low in known if _initials(low) == wanted]
    return f"; did you mean {known[near[0]]!r}?" if near else ""


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))
