"""Cost of the page of a study, at the size of the study and with many more optimizers and problems.

`benchbed run -O STUDY`, then `python benchmarks/page_cost.py STUDY [--optimizers 200] [--problems 50]`. The frames of
the study are repeated under other names, so that sizes and numbers are those of real trials; every pair of optimizers
has a row of comparisons. Prints CPU seconds and peak memory of drawing, and bytes of the page by part.
"""

import argparse
import itertools
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import benchbed
from benchbed.interfaces import Results
from benchbed.reports.page import draw

PARTS = {
    "pairings": r'(?s)<details class="pairing".*?</div></details>',
    "other charts": r"(?s)<figure.*?</figure>",
    "heatmap": r'(?s)<section id="heatmap">.*?</section>',
    "other tables": r"(?s)<table.*?</table>",
}
"""Patterns of parts; each is removed before the next one is counted."""


def repeated(results: Results, optimizers: int, problems: int) -> Results:
    """Return a study of as many optimizers and problems, whose rows are those of `results` in turn."""
    optimizer_of = _names(results.optimizers, optimizers)
    problem_of = _names(results.problems, problems)
    outcomes, curves = _repeat_trials(results, problem_of, optimizer_of)
    frames = {
        name: _repeat(_repeat(getattr(results, name), "problem", problem_of), "optimizer", optimizer_of)
        for name in ("tuning", "best_of_k", "summary", "measures", "metrics", "groups")
    }
    return results._replace(
        problems={name: results.problems[original] for name, original in problem_of.items()},
        surfaces={},
        optimizers=tuple(optimizer_of),
        outcomes=outcomes,
        curves=curves,
        overall=_repeat(results.overall, "optimizer", optimizer_of),
        influence=_repeat(results.influence, "problem", problem_of),
        comparisons=_repeat_pairs(_repeat(results.comparisons, "problem", problem_of), optimizer_of),
        shifts={},
        **frames,
    )


def _names(names: "tuple[str, ...] | dict[str, object]", count: int) -> dict[str, str]:
    """Return new names and the original of each."""
    originals = itertools.islice(itertools.cycle(names), count)
    return {f"{name}-{index}": name for index, name in enumerate(originals)}


def _repeat(frame: pd.DataFrame, column: str, originals: dict[str, str]) -> pd.DataFrame:
    """Return the rows of every new name; rows of no original, such as those of means, stay as they are."""
    positions = {str(name): rows for name, rows in frame.groupby(column, sort=False).indices.items()}
    others = [rows for name, rows in positions.items() if name not in set(originals.values())]
    copies = {name: positions[original] for name, original in originals.items() if original in positions}
    repeats = np.repeat(list(copies), [len(rows) for rows in copies.values()])
    taken = frame.take(np.concatenate([*others, *copies.values()]) if positions else [])
    labels = np.concatenate([taken[column].to_numpy()[: len(taken) - len(repeats)], repeats])
    return taken.assign(**{column: labels}).reset_index(drop=True)


def _repeat_trials(
    results: Results, problem_of: dict[str, str], optimizer_of: dict[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return outcomes and curves with a key of its own for each trial."""
    outcomes = _repeat(_repeat(results.outcomes, "problem", problem_of), "optimizer", optimizer_of)
    keys = [str(number) for number in range(len(outcomes))]
    positions = results.curves.groupby("trial_key", observed=True).indices
    rows = [positions.get(key, np.array([], dtype=int)) for key in outcomes["trial_key"]]
    codes = np.repeat(np.arange(len(rows)), list(map(len, rows)))
    curves = results.curves.drop(columns="trial_key").take(np.concatenate(rows))
    curves.insert(0, "trial_key", pd.Categorical.from_codes(codes, keys))
    return outcomes.assign(trial_key=keys), curves.reset_index(drop=True)


def _repeat_pairs(pairs: pd.DataFrame, optimizer_of: dict[str, str]) -> pd.DataFrame:
    """Return a row for every pair of optimizers in every table, with the numbers of its rows in turn."""
    names = np.array(list(optimizer_of))
    first, second = np.triu_indices(len(names), 1)
    tables = []
    for _, rows in pairs.groupby(["problem", "track"], sort=False):
        taken = rows.take(np.resize(np.arange(len(rows)), len(first)))
        tables.append(taken.assign(first=names[first], second=names[second]))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Print a line for the study and one for its repetition."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path)
    parser.add_argument("--optimizers", type=int, default=200)
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--output", type=Path, help="file for the page of the larger study")
    options = parser.parse_args()
    results = benchbed.load(options.study).results
    print("optimizers  problems   rows  CPU seconds  peak memory (GB)  page (MB)  parts (MB)")
    for is_repeated in (False, True):
        study = repeated(results, options.optimizers, options.problems) if is_repeated else results
        start = time.process_time()
        (page,) = draw(study, "").values()
        seconds = time.process_time() - start
        text, parts = page.decode("utf-8"), []
        for name, pattern in PARTS.items():
            parts.append(f"{name} {sum(len(part.encode()) for part in re.findall(pattern, text)) / 1e6:.2f}")
            text = re.sub(pattern, "", text)
        unit = 1e9 if sys.platform == "darwin" else 1e6  # macOS counts bytes, Linux kilobytes
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
        size = f"{len(study.optimizers):10}  {len(study.problems):8}  {len(study.summary):5}"
        print(
            f"{size}  {seconds:11.1f}  {peak:16.2f}  {len(page) / 1e6:9.2f}  {', '.join(parts)}", flush=True
        )
        if options.output is not None:
            options.output.write_bytes(page)


if __name__ == "__main__":
    main()
