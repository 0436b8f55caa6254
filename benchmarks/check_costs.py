"""Cost of the checks of plugins: the time of a whole preset, and the seconds that a third-party pairing is checked.

`python benchmarks/check_costs.py [--baseline DIR] [--preset standard] [--rounds 3] [--format json]`. A preset has
built-in plugins only, which are not checked; with a checkout of an earlier version as `--baseline`, both versions run
it alternately, each time in a new folder, with compiled steps cached after the first round. A small rule is then
checked on every problem as if both came from a third party, on one core: the first time in the process, and the median
of the rounds. Run it on a machine that does nothing else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from cores import keep_to
from tabulate import tabulate

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.engine.contract import ContractError, check_contract
from benchbed.plan import BatchPlan, Plan, Request, complete_request, make_plan
from benchbed.runner.engine_batches import engine_batch
from benchbed.runner.global_state import default_global_state
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

CHECKOUT = Path(__file__).parents[1]
PLUGIN = Path(__file__).with_name("kill_and_resume_plugin.py")


class PresetCost(NamedTuple):
    """Seconds of a preset in this version and in the baseline, in the order of the rounds."""

    seconds: list[float]
    baseline_seconds: list[float]

    @property
    def ratio(self) -> float:
        """Median ratio of the rounds."""
        pairs = zip(self.seconds, self.baseline_seconds, strict=True)
        return statistics.median(seconds / baseline for seconds, baseline in pairs)


class PairingCost(NamedTuple):
    """Seconds in which a pairing is checked."""

    pairing: str
    first: float
    median: float


def measure_preset(baseline: Path, preset: str, rounds: int) -> PresetCost:
    """Run a preset by two checkouts in turn; the first round only fills the caches."""
    cost = PresetCost([], [])
    with tempfile.TemporaryDirectory(prefix="benchbed-check-costs-") as folder:
        for number in range(rounds + 1):
            for checkout, seconds in ((baseline, cost.baseline_seconds), (CHECKOUT, cost.seconds)):
                paths = [checkout, checkout / "plugins", checkout / "problems"]
                environment = {
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(map(str, paths)),
                    "XDG_CACHE_HOME": f"{folder}/cache-{checkout.name}",
                }
                output = f"{folder}/{checkout.name}-{number}"
                command = [sys.executable, "-P", "-m", "benchbed", "run", "--preset", preset, "-O", output]
                start = time.perf_counter()
                subprocess.run(command, env=environment, check=True, capture_output=True)
                if number:
                    seconds.append(time.perf_counter() - start)
    return cost


def measure_pairings(problems: list[str] | None, rounds: int) -> list[PairingCost]:
    """Time the checks of a third-party rule on problems, which count as third-party as well."""
    catalog = load_catalog([PLUGIN])
    request = Request(
        problems=tuple(problems or catalog.names("problems")), optimizers=("softsign",), preset="quick",
        tracks=("tuned",), device="cpu",
    )  # fmt: skip
    plan = make_plan(catalog, complete_request(catalog, request, None))
    return [
        measure_pairing(plan, missing_batches(PairingState(plan, pairing))[0], catalog, rounds)
        for pairing in plan.pairings()
    ]


def measure_pairing(plan: Plan, batch: BatchPlan, catalog: Catalog, rounds: int) -> PairingCost:
    """Time the checks of one pairing; scale and instances, which a trial needs anyway, are built before."""
    prepared = engine_batch(plan, batch, catalog)
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        try:
            with default_global_state():
                check_contract(prepared)
        except ContractError as error:
            raise SystemExit(f"{batch.problem.label} × {batch.optimizer} is rejected: {error}") from error
        seconds.append(time.perf_counter() - start)
    label = f"{batch.problem.label} × {batch.optimizer}"
    return PairingCost(label, seconds[0], statistics.median(seconds[1:]))


def main() -> None:
    """Measure the parts of the command line and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", type=Path, help="checkout of an earlier version")
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--problems", nargs="+", help="problems whose checks are timed (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    preset = None
    if arguments.baseline is not None:
        preset = measure_preset(arguments.baseline.resolve(), arguments.preset, arguments.rounds)
    keep_to(1)
    pairings = measure_pairings(arguments.problems, arguments.rounds)
    if arguments.format == "json":
        facts = {"preset": None if preset is None else {**preset._asdict(), "ratio": preset.ratio}}
        print(json.dumps({**facts, "pairings": [pairing._asdict() for pairing in pairings]}, indent=2))
        return
    if preset is not None:
        this, baseline = statistics.median(preset.seconds), statistics.median(preset.baseline_seconds)
        print(f"preset {arguments.preset}: {this:.1f} s, {baseline:.1f} s before, ratio {preset.ratio:.3f}")
    print(tabulate(pairings, ("checked", "first, s", "median, s"), floatfmt=".3f"))


if __name__ == "__main__":
    main()
