"""The browser of the user, in which commands open pages."""

import webbrowser
from pathlib import Path


def open_in_browser(page: Path) -> bool:
    """Open a file in a browser; return whether one could be started."""
    return webbrowser.open(page.resolve().as_uri())
