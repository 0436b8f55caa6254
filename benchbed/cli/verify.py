"""`benchbed verify`: run some batches of a study again and compare the results with the stored ones."""

from pathlib import Path

import click

from benchbed.cli import options
from benchbed.cli.completion import complete_studies
from benchbed.cli.output import print_line, print_warnings


@click.command("verify", short_help="Run some stored batches again and compare the results.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), shell_complete=complete_studies)
@click.option(
    "--sample",
    type=click.IntRange(1),
    default=3,
    metavar="N",
    help="Number of batches to run again.  [default: 3]",
)
@click.option(
    "--seed", type=int, default=0, metavar="N", help="Seed of the random choice of batches.  [default: 0]"
)
@options.jobs_option
@options.timeout_option
@options.plugin_option
@options.import_option
def verify_command(
    folder: Path,
    sample: int,
    seed: int,
    jobs: int | None,
    timeout: float | None,
    plugin_files: tuple[Path, ...],
    allow_import: bool,
) -> int:
    """Run some batches of the study in DIR again and compare the results with the stored ones.

    On the same type of machine with the same version of torch, all results must be equal to the bit, except run times
    and the number of jobs. Elsewhere the curves must agree over the first 100 steps: at each checkpoint to 1e-10 in
    float64 and 1e-4 in float32, relative to the value, or to the start if that is larger. At a learning rate where the
    optimizer is chaotic, rounding errors may grow beyond this. Trials of compiled steps also run eagerly and must agree
    over the first 100 steps in the same way. Nothing is written to the folder.

    \b
    Examples:
      benchbed verify results/standard
      benchbed verify results/standard --sample 10 --seed 1
      benchbed verify results/mine --plugin ./mine.py

    \b
    Exit codes: 0 all agree, 1 a batch differs or did not run again, 2 wrong usage, 3 the folder cannot be used,
    5 nothing to verify, 130 interrupted, 143 terminated.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    from benchbed.runner.scheduler import RunOptions
    from benchbed.study.execution import start_workers
    from benchbed.study.resources import LOCAL, Resources, allocate
    from benchbed.verify.rerun import run_again
    from benchbed.verify.sampling import sample_batches

    catalog = options.load_plugins(plugin_files, timeout)
    sampled = sample_batches(folder, catalog, sample, seed, allow_import)
    print_warnings(sampled.warnings)
    allocation = allocate(sampled.plan, Resources(jobs, timeout))
    run_options = RunOptions(allocation.jobs, timeout, options.absolute_paths(plugin_files), catalog)
    environment = sampled.changed_environment
    agreement = "equal to the bit" if environment is None else "agrees over the first 100 steps"
    trials = differing = 0
    with start_workers(catalog, LOCAL, allocation.jobs, devices=allocation.devices) as workers:
        for verdict in run_again(sampled, workers, run_options):
            trials += verdict.trials
            differing += verdict.difference is not None
            print_line(f"{verdict.name} ({verdict.trials} trials): {verdict.difference or agreement}")
    summary = f"{len(sampled.batches) + len(sampled.contradictions)} of {sampled.available} batches, {trials} trials: "
    summary += f"batches that differ or did not run again: {differing}" if differing else "all agree"
    if environment is not None:
        summary += f"; compared within a tolerance because {environment}"
    if sampled.unplanned_trials:
        summary += f"; {sampled.unplanned_trials} stored trials of another plan or plugin were left out"
    print_line(summary)
    return 1 if differing else 0
