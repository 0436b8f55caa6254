"""Let `python -P -m benchbed` be the command `benchbed`."""

from benchbed.cli import main

main()
