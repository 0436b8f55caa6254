"""Control groups of this process, by which Linux limits the cores and the memory of containers and jobs."""

from collections.abc import Iterator
from pathlib import Path

GROUPS, GROUPS_OF_PROCESS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""The folder of all control groups, and the file that lists those of this process."""


def group_folders(controller: str) -> Iterator[tuple[int, Path]]:
    """Yield the version of control groups and the folder of the group of this process, and of each group around it.

    A job of Slurm is a group within others; in a container, its own group is that of the whole container. A folder of
    version 1 belongs to `controller`, such as "cpu" or "memory". Folders need not exist.
    """
    lines = GROUPS_OF_PROCESS.read_text().splitlines() if GROUPS_OF_PROCESS.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers == "":
            version, root = 2, GROUPS
        elif controller in controllers.split(","):
            version, root = 1, GROUPS / controller
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                yield version, folder
