"""Findings about rotations: gradient descent does not depend on the basis, and Adam's lead does."""

from collections.abc import Iterator

from torch import Generator

import benchbed
from benchbed.interfaces import Problem
from benchbed_findings.record import Finding, Panel, Series, near
from benchbed_problems.block_quadratic import BlockQuadratic
from benchbed_problems.quadratic import Quadratic

SOURCE = "Zhang et al. (2024)"
ROTATIONS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
STEPS, INSTANCES = 300, 10
BLOCK_RATE, ADAM_RATES = 3e-4, (0.03, 0.1, 0.3, 1.0)
CONDITION = 10_000.0


def rotations() -> Iterator[Finding]:
    """Gradient descent does not depend on the basis of a quadratic; Adam's lead does."""
    ends, leads = [], []
    for rotation in ROTATIONS:
        problem = BlockQuadratic(rotation=rotation)
        ends.append(_end(problem, f"gd[learning_rate={BLOCK_RATE}]", seed=0))
        leads.append(ends[-1] / _best_of_adam(problem, seed=0))
    panel = Panel(
        f"Three blocks of curvature, {STEPS} steps",
        "rotation of the space",
        "loss ratio, GD / Adam",
        [Series("gradient descent over Adam", ROTATIONS, leads)],
        bounds={"equal losses": 1.0},
    )
    yield near(
        "rotating the blocks changes the loss of gradient descent by a factor 1 +",
        0,
        max(abs(end / ends[0] - 1) for end in ends),
        1e-9,
        SOURCE,
        panel,
    )
    yield Finding(
        "loss of gradient descent over that of Adam, along the axes and rotated",
        "above 10, below 10",
        f"{leads[0]:.3g}, {leads[-1]:.3g}",
        leads[0] > 10 > leads[-1],
        SOURCE,
    )
    yield _single_block()


def _single_block() -> Finding:
    """Adam's lead on a quadratic with one block, on instances with minimizers and bases of their own."""
    seeds, leads = range(INSTANCES), {}
    for is_rotated in (False, True):
        problem = Quadratic(
            dimension=10, condition_number=CONDITION, rotated=is_rotated, start=0.0, minimizer_deviation=2.0
        )
        rule = f"gd[learning_rate={2 / (1 + CONDITION)}]"
        leads[is_rotated] = [_end(problem, rule, seed) / _best_of_adam(problem, seed) for seed in seeds]
    along, rotated = leads.values()
    shrinkage = min(lead / remaining for lead, remaining in zip(along, rotated, strict=True))
    return Finding(
        f"likewise on a quadratic of condition {CONDITION:.0f}: lowest ratio along the axes over that rotated, of "
        f"{INSTANCES} instances",
        "above 1e+06",
        f"{shrinkage:.3g}",
        shrinkage > 1e6,
        SOURCE,
        Panel(
            f"Condition {CONDITION:.0f}, {STEPS} steps",
            "instance",
            "loss ratio, GD / Adam",
            [
                Series("along the axes", [str(seed + 1) for seed in seeds], along),
                Series("rotated", [str(seed + 1) for seed in seeds], rotated),
            ],
            bounds={"equal losses": 1.0},
        ),
    )


def _best_of_adam(problem: Problem, seed: int) -> float:
    return min(_end(problem, f"adam[learning_rate={rate}]", seed) for rate in ADAM_RATES)


def _end(problem: Problem, rule: str, seed: int) -> float:
    """Return the loss after `STEPS` on one instance."""
    data = problem.make_data(Generator().manual_seed(seed))
    start = problem.make_start(Generator())
    return benchbed.minimize(lambda theta: problem.objective(theta, data), start, rule, steps=STEPS).loss
