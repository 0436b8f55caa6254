"""Entry point of the `benchbed` command and of `python -P -m benchbed`."""

import sys
from typing import NoReturn

from benchbed.cli import main


def program() -> NoReturn:
    """Run the command and exit with its code."""
    sys.exit(main())


if __name__ == "__main__":
    program()
