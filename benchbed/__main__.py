"""Be the command `benchbed`, by that name and as `python -P -m benchbed`."""

import atexit
import os
import sys
from typing import NoReturn

from benchbed.cli import main


def program() -> NoReturn:
    """Run the command and end the process with its exit code."""
    codes: list[int] = []
    atexit.register(_leave, codes)  # before all others, so called after them
    codes.append(main())
    sys.exit(codes[0])


def _leave(codes: list[int]) -> None:
    """End at once, where there is an exit code: Python would take torch to pieces first, for a tenth of a second."""
    if not codes or _is_watched():
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python will try again, and say why it cannot
    os._exit(codes[0])


def _is_watched() -> bool:
    """Tell whether a tool such as a coverage measurement follows the program, which may have to save what it saw."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    tools = [] if monitoring is None else [monitoring.get_tool(number) for number in range(6)]
    return bool(sys.gettrace() or sys.getprofile() or any(tools))


if __name__ == "__main__":
    program()
