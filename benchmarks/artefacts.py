"""Agreement of a suite's conclusions with those of the suite under other conditions that should not matter.

`python benchmarks/artefacts.py [--preset standard] [--seed 50] [-O DIR]`. The standard suite runs on the shared grid of
learning rates, on the grid times 10 and divided by 10, with twice the rates a decade, and with its quadratic along the
axes and around the origin. For each table of means it prints the leaders, which are the optimizer with the highest
score and all that do not differ significantly from it. The exit status is 1 if on another grid the optimizer with the
highest score is not among the leaders of the suite, or that of the suite not among those on the grid. Along the axes
and around the origin the leaders may be others: they are the reason why the suite is rotated and moved.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.interfaces.results import group_table
from benchbed.plan import Plan, Request, complete_request, make_plan
from benchbed.plan.presets import grid_position, grid_rate
from benchbed.study.execution import start_workers
from benchbed.study.resources import Resources, allocate
from benchbed.study.running import complete, study_folder

TRACK = "tuned"
QUADRATIC = "quadratic[dimension=10, condition_number=1000, rotated={}, minimizer_deviation={}]"


class Condition(NamedTuple):
    """A change of the suite."""

    name: str
    quadratic: str = QUADRATIC.format("true", 2)
    decades: int = 0
    """By which the grid is moved."""
    density: int = 1
    """Factor of the rates a decade."""

    @property
    def is_another_problem(self) -> bool:
        """Whether the leaders may be others."""
        return self.quadratic != SUITE.quadratic


SUITE = Condition("as it is")
CONDITIONS = (
    Condition("rates times 10", decades=1),
    Condition("rates divided by 10", decades=-1),
    Condition("twice the rates a decade", density=2),
    Condition("quadratic along the axes", QUADRATIC.format("false", 2)),
    Condition("quadratic around the origin", QUADRATIC.format("true", 0)),
)


def plan_of(catalog: Catalog, condition: Condition, preset: str, seed: int) -> Plan:
    """Plan the standard suite under a condition."""
    suite = complete_request(catalog, Request(preset=preset, tracks=(TRACK,), seed=seed, device="cpu"), None)
    problems = [
        condition.quadratic if text.startswith("quadratic") else text for text in suite.problems or ()
    ]
    return on_grid(make_plan(catalog, msgspec.structs.replace(suite, problems=tuple(problems))), condition)


def on_grid(plan: Plan, condition: Condition) -> Plan:
    """Return a plan with the grid of a condition."""
    low, high = (grid_position(rate, 1) + condition.decades for rate in (plan.rates[0], plan.rates[-1]))
    per_decade = plan.rates_per_decade * condition.density
    rates = tuple(
        grid_rate(position, per_decade) for position in range(low * per_decade, high * per_decade + 1)
    )
    return msgspec.structs.replace(plan, rates=rates, rates_per_decade=per_decade)


def run(plan: Plan, catalog: Catalog, path: Path) -> Results:
    """Run a plan without reports."""
    resources = Resources()
    allocation = allocate(plan, resources)
    with (
        start_workers(catalog, resources.executor, allocation.jobs, allocation.cores) as workers,
        study_folder(path, fresh=False) as folder,
    ):
        return complete(plan, catalog, folder, (), workers, resources, allocation).results


def highest_of(results: Results) -> dict[str, str]:
    """Return the optimizer with the highest mean score, by group and for all problems."""
    rows = results.overall[results.overall["track"] == TRACK].dropna(subset=["score"])
    best = rows.loc[rows.groupby("group", sort=False)["score"].idxmax()]
    return dict(zip(best["group"], best["optimizer"], strict=True))


def leaders_of(results: Results) -> dict[str, list[str]]:
    """Return the optimizers that do not differ significantly from the highest, by group and for all problems."""
    rows = results.groups[(results.groups["track"] == TRACK) & (results.groups["group"] == 1)]
    by_table = rows.groupby("problem")["optimizer"].agg(list)
    return {
        name: by_table[name if name == ALL_PROBLEMS else group_table(name)] for name in highest_of(results)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the leaders under each condition."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="standard")
    parser.add_argument("--seed", type=int, default=50)
    parser.add_argument("-O", "--output", type=Path, help="folder of the studies, by default a temporary one")
    options = parser.parse_args(arguments)
    catalog = load_catalog([], dict(os.environ))
    with TemporaryDirectory(prefix="benchbed-artefacts-") as temporary:
        folder = options.output or Path(temporary)
        studies = {
            condition.name: run(
                plan_of(catalog, condition, options.preset, options.seed),
                catalog,
                folder / condition.name.replace(" ", "-"),
            )
            for condition in (SUITE, *CONDITIONS)
        }
    sys.exit(0 if print_agreement(studies) else 1)


def print_agreement(studies: dict[str, Results]) -> bool:
    """Print the leaders for each table and condition; return whether those on all grids agree with the suite's."""
    first = studies[SUITE.name]
    others = {condition.name for condition in CONDITIONS if condition.is_another_problem}
    all_agree = True
    for table, highest in highest_of(first).items():
        print(f"{'all problems' if table == ALL_PROBLEMS else table}:")
        for name, results in studies.items():
            theirs, leaders = highest_of(results)[table], leaders_of(results)[table]
            agrees = highest in leaders and theirs in leaders_of(first)[table]
            all_agree &= agrees or name in others
            scores = results.overall[
                (results.overall["group"] == table) & (results.overall["track"] == TRACK)
            ].set_index("optimizer")["score"]
            listed = ", ".join(f"{each} {scores[each]:.3f}" for each in leaders)
            print(f"  {name:<28} {listed}{'' if agrees else '  DIFFERENT'}")
    return all_agree


if __name__ == "__main__":
    main()
