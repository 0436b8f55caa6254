"""Peak memory of a batch, without the imports.

`python benchmarks/scaling_memory.py PROBLEM SEEDS SETTINGS STEPS ENGINE` runs it in this process and prints bytes.
"""

import json
import resource
import sys
from pathlib import Path

from peers_benchbed import PROBLEMS, rates_of, run_optimizer

from benchbed_optimizers.adam import adam

STATUS = Path("/proc/self/status")


def main() -> None:
    """Run the batch of the command line."""
    name, seeds, settings, steps, engine = sys.argv[1:]
    rates = rates_of(int(settings)).tolist()
    before = _bytes("VmRSS")
    run_optimizer(name, PROBLEMS[name], adam, rates, int(seeds), int(steps), engine)
    print(json.dumps({"bytes": _bytes("VmHWM") - before}))


def _bytes(field: str) -> int:
    """Return the resident memory of this process, or its peak; on other systems than Linux the peak for both."""
    if STATUS.exists():
        # ru_maxrss would include the memory of the parent process
        lines = STATUS.read_text(encoding="ascii").splitlines()
        (line,) = [line for line in lines if line.startswith(f"{field}:")]
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
