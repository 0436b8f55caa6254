"""`benchbed check`: check plugins against the contract, and measure their steps."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from benchbed.cli import options
from benchbed.cli.completion import complete_names
from benchbed.cli.output import print_line, print_warnings
from benchbed.formatting import plural, printable, short

if TYPE_CHECKING:
    from benchbed.checking.verdicts import StepCost, SubjectReport


@click.command("check", short_help="Check an optimizer or a problem against the contract.")
@click.argument(
    "targets",
    nargs=-1,
    required=True,
    metavar="NAME|FILE.py|module:Class…",
    shell_complete=complete_names("optimizers", "problems", "wrappers", "transforms", files=True),
)
@click.option(
    "-p",
    "--problem",
    default="quadratic",
    show_default=True,
    metavar="NAME[key=value,…]",
    shell_complete=complete_names("problems"),
    help="Problem on which optimizers are measured.",
)
@click.option(
    "-o",
    "--optimizer",
    default="sgd",
    show_default=True,
    metavar="NAME[key=value,…]",
    shell_complete=complete_names("optimizers"),
    help="Optimizer that is measured on problems, and inside wrappers.",
)
@options.seconds_option(
    "--timeout", "Time limit in seconds of loading a plugin, of its claims, and of measuring its step.", 120.0
)
@options.text_or_json_option
@options.plugin_option
def check_command(
    targets: tuple[str, ...],
    problem: str,
    optimizer: str,
    timeout: float,
    format_: str,
    plugin_files: tuple[Path, ...],
) -> int:
    """Check that optimizers, problems, wrappers and transforms keep the contract, and measure their steps.

    A target is a registered name, with parameters in brackets if you like; a plugin file, all objects of which are
    checked; or a class or function as module:Class or FILE.py:Class. Every claim of benchbed.testing is listed,
    passed or with the reason why it fails. Then some trials run on one core: on a problem with an optimizer that are
    known to work, eagerly and compiled. If the step does not compile, the operation that prevents it is named with its
    line; the optimizer works all the same, and its long runs take longer.

    \b
    Examples:
      benchbed check adam
      benchbed check mine.py
      benchbed check mine.py -p shallow-network
      benchbed check 'muon[learning_rate=0.1]' 'cosine(adam)' --format json
      benchbed check torch.optim:NAdam

    \b
    Exit codes: 0 all claims hold, 1 a claim does not hold, 2 wrong usage.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    with TemporaryDirectory(prefix="benchbed-check-") as folder:
        reports = _check(targets, problem, optimizer, timeout, plugin_files, Path(folder))
    if format_ == "json":
        import msgspec

        records = [msgspec.to_builtins(report) | {"passed": report.passed} for report in reports]
        click.echo(json.dumps(records, indent=2, allow_nan=False))
    else:
        for line in _lines(reports):
            print_line(printable(line))
    return 0 if all(report.passed for report in reports) else 1


def _check(
    targets: Sequence[str],
    problem: str,
    optimizer: str,
    timeout: float,
    plugin_files: tuple[Path, ...],
    folder: Path,
) -> "list[SubjectReport]":
    """Load the plugins of the targets, and check their objects; `folder` receives the plugins of references."""
    from benchbed.checking.running import check_subject
    from benchbed.checking.subjects import file_of_target, find_subjects
    from benchbed.checking.verdicts import broken_files
    from benchbed.plan import parse_selector
    from benchbed.study.loading import check_files

    files = {target: file for target in targets if (file := file_of_target(target, folder)) is not None}
    all_files = (*plugin_files, *files.values())
    catalog = options.open_plugins(all_files, timeout)
    check_files(catalog, plugin_files)
    catalog.entry("problems", parse_selector(problem).name)  # raises for an unknown name
    if ":" not in optimizer:  # a class is imported in a child
        catalog.entry("optimizers", parse_selector(optimizer).name)
    targets_of_files = {str(file): target for target, file in files.items()}
    broken = broken_files(catalog, targets_of_files)
    others = [plugin for plugin in catalog.plugins if plugin.distribution not in targets_of_files]
    print_warnings([*catalog.warnings, *(plugin.complaint for plugin in others if plugin.complaint)])
    subjects = [
        subject
        for target in targets
        for subject in find_subjects(catalog, target, files.get(target), problem, optimizer)
    ]
    paths = options.absolute_paths(all_files)
    # One after the other, so that timings are not disturbed.
    return [*broken, *(check_subject(catalog, subject, paths, timeout) for subject in subjects)]


def _lines(reports: "Sequence[SubjectReport]") -> Iterator[str]:
    """Yield a section for each object, and the sum of all."""
    for report in reports:
        yield f"{report.kind.removesuffix('s')} {report.name}"
        width = max(len(verdict.name) for verdict in report.claims)
        for verdict in report.claims:
            yield f"  {'passed' if verdict.passed else 'FAILED'}  {verdict.name:{width}}  {verdict.claim}"
            if verdict.error is not None:
                yield f"          {verdict.error}"
        if report.step is not None:
            yield from _step_lines(report.step)
        yield ""
    claims = [verdict for report in reports for verdict in report.claims]
    failed = sum(not verdict.passed for verdict in claims)
    objects = plural(len(reports), "object")
    yield f"{plural(len(claims), 'claim')} about {objects}: {f'{failed} failed' if failed else 'all passed'}"


def _step_lines(step: "StepCost") -> Iterator[str]:
    yield (
        f"  {step.optimizer} on {step.problem} (dimension {step.dimension}), {step.trials} trials together, "
        "for one step of one trial:"
    )
    yield f"    eager     {short(step.eager_microseconds)} µs"
    if step.compiled_microseconds is not None:
        yield f"    compiled  {short(step.compiled_microseconds)} µs"
        return
    yield f"    compiled  no: {step.compilation_fault}"
