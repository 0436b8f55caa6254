"""`benchbed run`: run a study, and print its summary and its folder."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from benchbed.cli.completion import complete_names
from benchbed.cli.options import format_option, jobs_option, open_option, output_option, timeout_option
from benchbed.cli.output import print_study
from benchbed.cli.plan_options import plan_options, resolve_options
from benchbed.runner.progress import show_progress


@click.command("run")
@plan_options
@jobs_option
@timeout_option
@click.option(
    "--memory",
    metavar="SIZE",
    help="Memory of each process that runs batches, such as 4G: a batch that needs more is divided, and a trial that "
    "needs more alone is out_of_memory.  [default: 90 % of the machine's memory by the number of jobs, at least 2G]",
)
@click.option(
    "--executor",
    default="processes",
    metavar="NAME[key=value,…]",
    shell_complete=complete_names("executors"),
    help="Executor of the batches: processes, serial, dask, dask:ADDRESS, submitit (Slurm), one of a plugin (see "
    "`benchbed list executors`), or any module:function that returns a concurrent.futures.Executor; arguments follow "
    "in brackets (docs/cluster.md).  [default: processes]",
)
@output_option(
    "Folder of the study.  [default: results/ and the name of the suite or preset, with that of the shard]"
)
@click.option(
    "--fresh", is_flag=True, help="Rename an existing folder and start again, instead of continuing it."
)
@format_option
@open_option
def run_command(
    output: Path | None,
    fresh: bool,
    format_: str,
    opens_page: bool,
    jobs: int | None,
    timeout: float | None,
    executor: str,
    memory: str | None,
    **options: Any,
) -> int:
    """Run each optimizer on each problem and compare them.

    SUITE is a TOML file that lists problems, optimizers and options, or the name of a suite of a plugin. Without
    arguments, the built-in optimizers run on the problems of the preset standard, and the results are written to
    results/standard/. Trials that are already stored in the folder do not run again, so that the same command continues
    an interrupted study.

    \b
    Examples:
      benchbed run
      benchbed run -p 'quadratic[condition_number=1000]' -o gd -o momentum
      benchbed run -p runge -o 'adam[learning_rate=[0.1, 0.01]]' --track default
      benchbed run -p quartic -o 'torch.optim:NAdam[learning_rate=0.01]'
      benchbed run mine.toml --seeds 5 --format json > summary.json
      benchbed run --preset quick --open
      benchbed run --plugin ./mine.py -o mine -o adam -O results/mine
      benchbed run --executor dask:tcp://host:8786

    \b
    Exit codes: 0 each trial has a result (divergence is a result), 1 some trials failed, 2 wrong usage,
    3 the folder cannot be used, 5 nothing is selected, 130 interrupted, 143 terminated. What --skip-unusable leaves
    out does not change the code, unless no problem or no optimizer remains (2).
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    if executor != "serial":
        start_fork_server()
    from benchbed.study import Resources, folder_of, run_plan

    import_module("benchbed.reports.console")  # needed at the end; the fork server is still starting
    catalog, plan, files = resolve_options(options, timeout, executor)
    path = folder_of(plan, output)
    resources = Resources(jobs, timeout, executor, memory)
    with show_progress() as progress:
        study = run_plan(plan, catalog, path, files, resources, fresh=fresh, progress=progress)
    exit_code = print_study(study, format_, opens_page)
    if exit_code == 0 and not progress.planned_trials:
        click.echo(
            f"nothing had to run: all {study.stored} trials were stored before; --fresh starts again",
            err=True,
        )
    return exit_code
