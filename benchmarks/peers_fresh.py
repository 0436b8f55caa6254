"""End-to-end comparison: a separate process for each tool, from the imports to the last step, with compilation.

Each tool has a compiler cache that is empty at first ("end to end") and then filled by that run ("end to end, cached");
a loop over torch.optim compiles nothing. The peers read the trials from a file; benchbed creates them and measures
them at its checkpoints. It chooses its engine as `benchbed run` does.
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
_REMOVED_VARIABLES = (
    "PYTHONSAFEPATH",  # a script imports modules from its folder
    "PYTHONDONTWRITEBYTECODE",  # an editable benchbed would be compiled at each start
)
"""Environment variables that are removed for all tools."""


def compare_fresh(case: Case, peers: Sequence[str], rounds: int) -> list[Record]:
    """Time whole processes; the loop runs some of the trials and is scaled to all of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trials.npz"
        save(peers_benchbed.make_trials(*case), path)
        times: dict[tuple[str, str], list[float]] = {}
        for number in range(rounds):
            for measure, side, seconds in _one_round(case, peers, path, Path(folder) / str(number)):
                times.setdefault((measure, side), []).append(seconds)
    work = case.trials * case.steps
    return [
        compare(case, peer, measure, Seconds(times[measure, "benchbed"], work), Seconds(seconds, work))
        for (measure, peer), seconds in times.items()
        if peer != "benchbed"
    ]


def _one_round(case: Case, peers: Sequence[str], trials: Path, caches: Path) -> list[tuple[str, str, float]]:
    script = ("peers_benchbed.py", case.problem, case.trials, case.steps, "auto")
    loop = _loop(case, trials) if "torch" in peers else None
    timings = []
    for measure in (FRESH, AGAIN):
        timings.append((measure, "benchbed", seconds_of(caches, *script)[0]))
        if loop is not None:
            timings.append((measure, "torch", loop))
        if "jax" in peers:
            timings.append((measure, "jax", seconds_of(caches, "peers_jax.py", trials)[0]))
    return timings


def _loop(case: Case, trials: Path) -> float:
    count, steps = min(LOOP_TRIALS, case.trials), min(LOOP_STEPS, case.steps)
    process, loop = seconds_of(None, "peers_torch.py", trials, count, steps)
    return process - loop + loop * (case.trials * case.steps) / (count * steps)


def seconds_of(caches: Path | None, script: str, *arguments: object) -> tuple[float, float]:
    """Run a script and return the seconds of its process and those that it prints for its steps.

    Raises: RuntimeError with its error output if it fails.
    """
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    seconds, stdout = time_command(command, caches)
    return seconds, float(json.loads(stdout)["seconds"])


def time_command(command: Sequence[str], caches: Path | None = None) -> tuple[float, str]:
    """Run a command with its compiler caches in a folder, and return its seconds and its output."""
    environment = {name: value for name, value in os.environ.items() if name not in _REMOVED_VARIABLES}
    environment |= {} if caches is None else _cached_in(caches)
    begun = time.perf_counter()
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    seconds = time.perf_counter() - begun
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {process.stderr[-2000:]}")
    return seconds, process.stdout


def _cached_in(folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "XDG_CACHE_HOME": str(folder),
        # not a compiler cache: matplotlib lists the fonts once, not in each run
        "MPLCONFIGDIR": mpl.get_cachedir(),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        # by default JAX caches only compilations of at least a second
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
