"""Measure benchbed beside its peers: the same trials, the same steps, the same arithmetic, alternating in one run.

`python -m pip install -c constraints.txt -r benchmarks/requirements.txt`, then
`python benchmarks/peers.py [--problems …] [--trials …] [--peers …] [--rounds 5] [--threads 1] [--format json]
[--plot FILE]`.

The peers are loops over torch.optim ("torch"), JAX with optax ("jax"), and benchopt, with torch.optim ("benchopt") and
with gradients by hand ("benchopt-numpy"). Before anything is timed, every side runs the same trials, and must end where
benchbed does. Then the steps alone are timed ("hot loop"; benchbed's include drawing, the peers are given the draws),
beside them benchbed's batch with all that it measures ("batch"), and last whole processes from their start ("end to
end", "command line"). All run on the first `--threads` of the cores that this process may use, where the system can
bind it to them; elsewhere only the libraries are told. Medians over the rounds, with the lowest and the highest.
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
from peers_records import Case, Record, plot, table

LOOPS, BENCHOPT = ("torch", "jax"), ("benchopt", "benchopt-numpy")
PEERS = (*LOOPS, *BENCHOPT)
TRIALS = (1, 10, 100, 1_000, 10_000)
MEASURES = ("hot", "end")
NETWORK = "polynomial-network"
MOST_NETWORKS = 1_000
"""Networks beyond this would take minutes a round."""
QUICK_STEPS = 20
USUAL = {"trials": TRIALS, "steps": None, "rounds": 5}


def steps_of(problem: str, trials: int) -> int:
    """Give as many steps as are timed well within seconds, and as studies have."""
    if problem == NETWORK:
        return 1_000 if trials <= 100 else 200
    return 10_000 if trials <= 1_000 else 1_000


def cases_of(problems: Sequence[str], trials: Sequence[int], steps: int | None) -> list[Case]:
    """List what is run."""
    return [
        Case(problem, count, steps or steps_of(problem, count))
        for problem in problems
        for count in trials
        if problem != NETWORK or count <= MOST_NETWORKS
    ]


def measure(options: argparse.Namespace) -> list[Record]:
    """Check that all sides do the same, and time them."""
    loops = [peer for peer in options.peers if peer in LOOPS]
    others = [peer for peer in options.peers if peer in BENCHOPT]
    records = beside_loops(options, loops) if loops else []
    if others and "quadratic" in options.problems:
        from peers_benchopt import Sizes, compare_benchopt

        sizes = Sizes(QUICK_STEPS, 1, 2) if options.quick else Sizes()
        records += compare_benchopt(others, sizes, options.rounds, options.threads, options.engine)
    return records


def beside_loops(options: argparse.Namespace, peers: Sequence[str]) -> list[Record]:
    """Compare with those that step by themselves, and measure nothing."""
    cases = cases_of(options.problems, options.trials, options.steps)
    most = {case.problem: case for case in sorted(cases, key=lambda case: case.trials)}
    for case in most.values():
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
    parser.add_argument("--steps", type=_positive, help="Steps of every trial, instead of the usual ones.")
    parser.add_argument("--rounds", type=_positive, help="[default: 5]")
    parser.add_argument("--threads", type=_positive, default=1, help="Cores and threads of every side.")
    parser.add_argument(
        "--engine", choices=("compiled", "eager"), default="compiled", help="For the hot loop."
    )
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="Also draw the ratios (PNG, SVG or PDF).")
    parser.add_argument(
        "--quick", action="store_true", help="A few trials and steps: to try whether all is there."
    )
    options = parser.parse_args(arguments)
    usual = {"trials": (1, 10), "steps": QUICK_STEPS, "rounds": 1} if options.quick else USUAL
    for name, value in usual.items():
        setattr(options, name, getattr(options, name) or value)
    for peer in options.peers:
        if not peers_hot.is_installed(peer):
            parser.error(
                f"{peer} is not installed; install benchmarks/requirements.txt, or leave it out by --peers"
            )
    return options


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print what was found."""
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
