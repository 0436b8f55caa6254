"""Installed distributions, each of whose files of metadata is read once."""

import functools
import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

INSTALLATION_FOLDERS = {"site-packages", "dist-packages"}


class Installed:
    """A distribution, with its metadata."""

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution

    @functools.cached_property
    def name(self) -> str:
        """The name, as its metadata has it; "" without any."""
        return self._distribution.name or ""

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
        names = (self._distribution.read_text("top_level.txt") or "").split() or [self.name]
        return frozenset(names) | {re.sub(r"[-.]+", "_", name).lower() for name in names}

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
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:  # inside an archive, or gone
        changed = 0
    return _read(str(folder), changed)


@functools.lru_cache(maxsize=64)
def _read(folder: str, changed: int) -> tuple[Installed, ...]:
    """Return the distributions; another time of change reads the folder again."""
    return tuple(map(Installed, distributions(path=[folder])))
