"""Compare end to end: a process of its own for every side, from the imports to the last step, compiling included.

Each has its compiler's cache to itself, empty at first ("end to end") and then as that run left it ("end to end,
cached"); a loop over torch.optim compiles nothing. The trials are given to the peers as a file; benchbed makes them
itself, and measures them at its checkpoints, which the peers do not. It chooses its engine as `benchbed run` does.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import peers_benchbed
from peers_hot import LOOP_STEPS, LOOP_TRIALS
from peers_records import AGAIN, FRESH, Case, Record, Seconds, compare
from peers_trials import save

HERE = Path(__file__).parent
_UNUSUAL = (
    "PYTHONSAFEPATH",  # the script's own folder must be on its path, where its neighbours lie
    "PYTHONDONTWRITEBYTECODE",  # an editable benchbed would be compiled at each start, and no peer
)
"""Variables that neither side finds set."""


def compare_fresh(case: Case, peers: Sequence[str], rounds: int) -> list[Record]:
    """Time processes from their start to their end; a loop of a part of the trials is scaled to all of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.npz"
        save(peers_benchbed.make_trials(*case), path)
        found: dict[tuple[str, str], list[float]] = {}
        for number in range(rounds):
            for measure, side, seconds in _one_round(case, peers, path, Path(folder) / str(number)):
                found.setdefault((measure, side), []).append(seconds)
    work = case.trials * case.steps
    return [
        compare(case, peer, measure, Seconds(found[measure, "benchbed"], work), Seconds(seconds, work))
        for (measure, peer), seconds in found.items()
        if peer != "benchbed"
    ]


def _one_round(case: Case, peers: Sequence[str], trials: Path, caches: Path) -> list[tuple[str, str, float]]:
    of_ours = ("peers_benchbed.py", case.problem, case.trials, case.steps, "auto")
    loop = _loop(case, trials) if "torch" in peers else None
    found = []
    for measure in (FRESH, AGAIN):
        found.append((measure, "benchbed", seconds_of(caches, *of_ours)[0]))
        if loop is not None:
            found.append((measure, "torch", loop))
        if "jax" in peers:
            found.append((measure, "jax", seconds_of(caches, "peers_jax.py", trials)[0]))
    return found


def _loop(case: Case, trials: Path) -> float:
    count, steps = min(LOOP_TRIALS, case.trials), min(LOOP_STEPS, case.steps)
    whole, loop = seconds_of(None, "peers_torch.py", trials, count, steps)
    return whole - loop + loop * (case.trials * case.steps) / (count * steps)


def seconds_of(caches: Path | None, script: str, *arguments: object) -> tuple[float, float]:
    """Run a script, and give the seconds of its process and those that it says its steps took.

    Raises RuntimeError with what it wrote, where it fails.
    """
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    whole, stdout = time_command(command, caches)
    return whole, float(json.loads(stdout)["seconds"])


def time_command(command: Sequence[str], caches: Path | None = None) -> tuple[float, str]:
    """Run a command with its compilers' caches in a folder, and give its seconds and what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in _UNUSUAL}
    environment |= {} if caches is None else _cached_in(caches)
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return seconds, done.stdout


def _cached_in(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "XDG_CACHE_HOME": str(folder),
        # no compiler's: matplotlib lists a machine's fonts once, not at each run
        "MPLCONFIGDIR": mpl.get_cachedir(),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        # JAX keeps only what took a second to compile, unless it is told otherwise
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
