"""The course's network, fully trained, compared with a plain torch.optim loop: seconds of the steps and their ratio.

`python benchmarks/course_network.py results/course/studies/course-polynomial-network-full`, after
`benchbed course C10 --preset full`. The loop runs 3 000 steps of one seed and is extrapolated, as its time is linear in
steps and seeds. It measures nothing; benchbed's seconds are those of its steps without checkpoints.
"""

import argparse
import os

import torch
from batching import network_loop

import benchbed
from benchbed_problems.polynomial_network import PolynomialNetwork

LOOP_STEPS = 3_000


def main() -> None:
    """Print the results of the study, its time, and the time of the loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="study folder of the course's network")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # as for the batches of the study
    trials = benchbed.load(arguments.folder).trials
    for trial in trials.itertuples():
        error = dict(trial.metrics)["diagonal-error"]
        print(
            f"seed {trial.seed}: {trial.steps} steps, final loss {trial.final_objective:.3g}, "
            f"relative error on the diagonal {error:.2%}"
        )
    seconds, steps = float(trials["wall_seconds"].sum()), int(trials["steps"].sum())
    engine = trials["engine"].iloc[0]
    print(f"all seeds together ({engine}): {seconds:.1f} s of steps, {1e6 * seconds / steps:.1f} µs each")
    loops = sorted(network_loop(PolynomialNetwork(), 1, LOOP_STEPS) for _ in range(arguments.rounds))
    each = loops[len(loops) // 2] / LOOP_STEPS
    low, high = 1e6 * loops[0] / LOOP_STEPS, 1e6 * loops[-1] / LOOP_STEPS
    print(
        f"torch.optim loop: {1e6 * each:.0f} µs a step ({low:.0f} to {high:.0f}), so {each * steps:.0f} s for the same "
        f"steps; ratio {each * steps / seconds:.1f}"
    )
    print(f"torch {torch.__version__}, one thread; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
