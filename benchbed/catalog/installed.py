"""Installed distributions, each of whose files of metadata is read once."""

import functools
import re
import sys
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

INSTALLATION_FOLDERS = {"site-packages", "dist-packages"}


class Installed:
    """A distribution, with its metadata."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    @functools.cached_property
    def name(self) -> str:
        """The name, as its metadata has it; "" without any."""
        # Without parsing the description, which is most of the metadata and takes 30 ms for all distributions.
        header = re.search(r"^Name:[ \t]*(\S+)[ \t]*$", self.read_text("METADATA"), re.MULTILINE)
        return header[1] if header else self._distribution.name or ""

    @functools.cached_property
    def entry_points(self) -> tuple[EntryPoint, ...]:
        """The entry points. Raises any exception if they are damaged."""
        return tuple(self._distribution.entry_points)

    @functools.cached_property
    def version(self) -> str:
        """The version."""
        return self._distribution.version

    @functools.cached_property
    def record(self) -> str | None:
        """The list of the files that were installed; None if the installer wrote none."""
        return self._distribution.read_text("RECORD")

    @functools.cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(line.partition(",")[0] for line in (self.record or "").splitlines())

    @functools.cached_property
    def _top_level(self) -> frozenset[str]:
        names = self.read_text("top_level.txt").split() or [self.name]
        return frozenset(names) | {re.sub(r"[-.]+", "_", name).lower() for name in names}

    @property
    def folder_name(self) -> str:
        """The name of the folder of its metadata, which may be damaged; "" if it is unknown."""
        return Path(str(getattr(self._distribution, "_path", ""))).name

    def read_text(self, file: str) -> str:
        """Return the text of a file of its metadata; "" without the file. Raises OSError or ValueError."""
        return self._distribution.read_text(file) or ""

    def is_named_after(self, top_level: str) -> bool:
        """Return whether a top-level module may belong to it, by names alone."""
        return top_level in self._top_level

    def owns(self, path: str) -> bool:
        """Return whether it installed the file with this path in its folder."""
        if self.record is not None:
            return path in self._files
        # Distributions of an operating system have no record.
        folder = Path(str(self._distribution.locate_file("")))
        return folder.name in INSTALLATION_FOLDERS and self.is_named_after(
            path.partition("/")[0].removesuffix(".py")
        )


def installed_in(folder: Path) -> tuple[Installed, ...]:
    """Return the distributions in a folder of the import path; read again after an installation changed the folder."""
    return _read(str(folder), _change_time(folder))


def installations() -> tuple[tuple[str, int], ...]:
    """Return the folders on the import path with distributions, each with a number that an installation changes."""
    folders = [Path(folder) for folder in sys.path]
    return tuple((str(folder), _change_time(folder)) for folder in folders if installed_in(folder))


def _change_time(folder: Path) -> int:
    """Return the time in ns at which an entry of a folder was last added or removed; 0 if it is not a folder."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:  # inside an archive, or gone
        return 0


@functools.lru_cache(maxsize=64)
def _read(folder: str, changed: int) -> tuple[Installed, ...]:
    """Return the distributions; another time of change reads the folder again."""
    return tuple(map(Installed, distributions(path=[folder])))
