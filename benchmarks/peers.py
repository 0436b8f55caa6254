"""Comparison of benchbed with its peers on the same trials, steps and dtypes, alternating in one run.

`python -m pip install -c constraints.txt -r benchmarks/requirements.txt`, then
`python benchmarks/peers.py [--problems …] [--trials …] [--peers …] [--rounds 5] [--threads 1] [--format json]
[--plot FILE]`.

The peers are loops over torch.optim ("torch"), JAX with optax ("jax"), and benchopt, with torch.optim ("benchopt") and
with manual gradients ("benchopt-numpy"). Before the timing, every peer runs the same trials and must reach the same
final points as benchbed. Then the steps alone are timed ("hot loop"; benchbed's include drawing, peers receive draws),
benchbed's whole batch with its measurements ("batch"), and whole processes ("end to end", "command line"). All run on
the first `--threads` allowed cores if the system supports affinity; otherwise only the libraries are limited. The
output is medians over the rounds, with the lowest and the highest.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import peers_hot
import torch
from cores import keep_to
from peers_benchbed import PROBLEMS
from peers_fresh import compare_fresh
from peers_networks import NETWORKS
from peers_records import Case, Record, plot, table

LOOPS, BENCHOPT = ("torch", "jax"), ("benchopt", "benchopt-numpy")
PEERS = (*LOOPS, *BENCHOPT)
TRIALS = (1, 10, 100, 1_000, 10_000)
MEASURES = ("hot", "end")
NETWORK = "polynomial-network"
MAX_NETWORKS = 1_000
"""More networks would take minutes a round."""
QUICK_STEPS = 20
DEFAULTS = {"trials": TRIALS, "steps": None, "rounds": 5}


def steps_of(problem: str, trials: int) -> int:
    """Return a number of steps that is typical for studies and takes a few seconds at most."""
    if problem in NETWORKS and problem != "digits-mlp":
        return 200 if trials <= 100 else 20
    if problem in (NETWORK, "digits-mlp"):
        return 1_000 if trials <= 100 else 200
    return 10_000 if trials <= 1_000 else 1_000


def cases_of(problems: Sequence[str], trials: Sequence[int], steps: int | None) -> list[Case]:
    """List the cases to run."""
    return [
        Case(problem, count, steps or steps_of(problem, count))
        for problem in problems
        for count in trials
        if count <= MAX_NETWORKS or problem not in (NETWORK, *NETWORKS)
    ]


def measure(options: argparse.Namespace) -> list[Record]:
    """Check that all peers run the same trials, and time them."""
    loops = [peer for peer in options.peers if peer in LOOPS]
    benchopt_peers = [peer for peer in options.peers if peer in BENCHOPT]
    records = compare_loops(options, loops) if loops else []
    if benchopt_peers and "quadratic" in options.problems:
        from peers_benchopt import BenchoptSizes, compare_benchopt

        sizes = BenchoptSizes(QUICK_STEPS, 1, 2) if options.quick else BenchoptSizes()
        records += compare_benchopt(benchopt_peers, sizes, options.rounds, options.threads, options.engine)
    return records


def compare_loops(options: argparse.Namespace, peers: Sequence[str]) -> list[Record]:
    """Compare with the loops, which measure nothing."""
    cases = cases_of(options.problems, options.trials, options.steps)
    largest = {case.problem: case for case in sorted(cases, key=lambda case: case.trials)}
    for case in largest.values():
        peers_hot.check_agreement(*case, peers, options.engine)
    records: list[Record] = []
    if "hot" in options.measures:
        for case in cases:
            records += peers_hot.compare_hot(case, peers, options.rounds, options.engine)
    if "end" in options.measures:
        for case in cases:
            records += compare_fresh(case, peers, options.rounds)
    return records


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--trials", nargs="+", type=_positive, metavar="N", help=f"[default: {TRIALS}]")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--measures", nargs="+", choices=MEASURES, default=list(MEASURES), metavar="hot|end")
    parser.add_argument("--steps", type=_positive, help="steps of every trial")
    parser.add_argument("--rounds", type=_positive, help="[default: 5]")
    parser.add_argument("--threads", type=_positive, default=1, help="cores and threads")
    parser.add_argument(
        "--engine", choices=("compiled", "eager"), default="compiled", help="engine of the hot loop"
    )
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot of the ratios (PNG, SVG or PDF)")
    parser.add_argument("--quick", action="store_true", help="few trials and steps, as a smoke test")
    options = parser.parse_args(arguments)
    defaults = {"trials": (1, 10), "steps": QUICK_STEPS, "rounds": 1} if options.quick else DEFAULTS
    for name, value in defaults.items():
        setattr(options, name, getattr(options, name) or value)
    for peer in options.peers:
        if not peers_hot.is_installed(peer):
            parser.error(
                f"{peer} is not installed; install benchmarks/requirements.txt, or exclude it by --peers"
            )
    return options


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1; must be at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparisons and print them."""
    options = parse(arguments)
    keep_to(options.threads)
    load = os.getloadavg()
    records = measure(options)
    if options.plot:
        plot(records, options.plot)
    facts = {
        "torch": torch.__version__,
        "threads": options.threads,
        "rounds": options.rounds,
        "engine": options.engine,
    }
    loads = {"load_before": load, "load_after": os.getloadavg()}
    if options.format == "json":
        print(json.dumps({**facts, **loads, "records": [record._asdict() for record in records]}, indent=2))
        return
    print(table(records))
    print(
        f"torch {torch.__version__}, threads: {options.threads}, rounds: {options.rounds}, engine of the hot loop: "
        f"{options.engine}; load {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


if __name__ == "__main__":
    main()
