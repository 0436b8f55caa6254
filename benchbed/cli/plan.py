"""`benchbed plan`: say what a study would cost before anything is spent."""

from typing import Any

import click

from benchbed.cli.options import jobs_option, make, plan_options


@click.command("plan", short_help="Say what a study would cost, before anything is spent.")
@plan_options
@jobs_option
@click.option("--no-time", is_flag=True, help="Count only; do not measure a few steps of each pairing.")
def plan_command(jobs: int | None, no_time: bool, **options: Any) -> None:
    """Count the trials and calls of a study and estimate its time.

    The time is estimated from a few real steps and one checkpoint of every pairing, alone on one core.

    \b
    Examples:
      benchbed plan
      benchbed plan --preset full
      benchbed plan -p 'polynomial-network' -o adam --steps 300000
    """  # fmt: skip
    from benchbed.estimate import estimate
    from benchbed.study import default_jobs

    catalog, plan, _ = make(options)
    rows = list(estimate(plan, catalog, timed=not no_time))
    click.echo(
        f"{plan.name}: preset {plan.preset}, tracks {', '.join(plan.tracks)}, {plan.evaluation_seeds} evaluation seeds"
    )
    click.echo(f"{'problem':<36}{'optimizer':<24}{'trials':>8}{'calls':>12}{'seconds':>10}")
    for row in rows:
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        click.echo(f"{row.problem:<36}{row.optimizer:<24}{row.trials:>8}{row.calls:>12.3g}{seconds:>10}")
    trials, calls = sum(row.trials for row in rows), sum(row.calls for row in rows)
    known = [row.seconds for row in rows if row.seconds is not None]
    click.echo(f"{'all':<36}{'':<24}{trials:>8}{calls:>12.3g}{f'{sum(known):.1f}' if known else '':>10}")
    if known:
        used = jobs or default_jobs(plan)
        click.echo(
            f"about {sum(known) / used:.0f} s on {used} cores; trials that stop early cost less, plots come on top"
        )
