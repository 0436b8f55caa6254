"""`benchbed verify`: run some of a study's batches again and compare them with what is stored."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.options import complain, jobs_option, plugin_option, timeout_option

if TYPE_CHECKING:
    from benchbed.verify import Sample, Verdict


@click.command("verify", short_help="Run stored batches again and compare.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--sample", type=click.IntRange(1), default=3, metavar="N", help="Batches that run again.  [default: 3]"
)
@click.option("--seed", type=int, default=0, metavar="N", help="Chooses which batches.  [default: 0]")
@jobs_option
@timeout_option
@plugin_option
def verify_command(
    folder: Path,
    sample: int,
    seed: int,
    jobs: int | None,
    timeout: float | None,
    plugin_files: tuple[Path, ...],
) -> int:
    """Run the whole batches of random stored trials again and compare what comes out.

    On the same type of machine with the same torch every column must be equal to the bit, but for the time and the
    jobs that it took. Elsewhere the curves must agree over the first 100 steps: at every checkpoint to 1e-10 in
    float64 and 1e-4 in float32 of the value, or of the start where that is larger. A rate at which an optimizer is
    chaotic can amplify the last bit beyond that. The folder is only read.

    \b
    Examples:
      benchbed verify results/standard
      benchbed verify results/standard --sample 10 --seed 1
      benchbed verify results/mine --plugin ./mine.py

    \b
    Exit codes: 0 all agree, 1 something differs, 2 usage, 3 the folder cannot be used, 5 nothing to verify,
    130 interrupted, 143 terminated.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    from benchbed.catalog import load_catalog
    from benchbed.runner.scheduler import RunOptions
    from benchbed.study.resources import default_jobs, start_workers
    from benchbed.verify import choose, run_again

    catalog = load_catalog(plugin_files)
    complain(catalog)
    chosen = choose(folder, catalog, sample, seed)
    for warning in chosen.warnings:
        click.echo(f"warning: {warning}", err=True)
    used = jobs or default_jobs(chosen.plan)
    run_options = RunOptions(used, timeout, tuple(str(file.resolve()) for file in plugin_files))
    with start_workers(catalog, "processes", used) as workers:
        return _show(chosen, run_again(chosen, workers, run_options))


def _show(sample: "Sample", verdicts: "Iterable[Verdict]") -> int:
    """Print a line a batch and a summary, and give the exit code."""
    agreement = "equal to the bit" if sample.elsewhere is None else "agrees over the first 100 steps"
    trials = differing = 0
    for verdict in verdicts:
        trials += verdict.trials
        differing += verdict.difference is not None
        _print(f"{verdict.name} ({verdict.trials} trials): {verdict.difference or agreement}")
    whole = f"{len(sample.parts)} of {sample.batches} batches, {trials} trials"
    ending = f"{differing} of them differ" if differing else "all agree"
    _print(f"{whole}: {ending}{_remarks(sample)}")
    return 1 if differing else 0


def _remarks(sample: "Sample") -> str:
    remarks = ""
    if sample.elsewhere is not None:
        remarks += f"; compared within a tolerance, for {sample.elsewhere}"
    if sample.strangers:
        remarks += f"; {sample.strangers} stored trials are of another plan or plugin and were left out"
    return remarks


def _print(line: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding))
