"""`benchbed reference`: store results that others are compared with, and lowest objectives of problems."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.completion import complete_names, complete_studies
from benchbed.cli.options import absolute_paths, load_plugins, output_option, plugin_option, seconds_option
from benchbed.cli.output import print_line, print_warnings

if TYPE_CHECKING:
    from benchbed.interfaces.references import Reference


@click.group("reference", short_help="Store results and lowest objectives that others are compared with.")
def reference_command() -> None:
    """Store reference results, and reference values of problems without a known optimum.

    Reference results are those of a study. The pages of later studies show them in grey beside their own, on each
    problem with the same parameters, budget, targets, number type and starts, if protocol, preset, --seed, gradient,
    tolerance and checkpoints are the same too.

    \b
    Examples:
      benchbed reference save results/main
      benchbed reference list
      benchbed reference value digits-logistic --plugin ./digits.py
    """


@reference_command.command("save", short_help="Store the results of a study as reference results.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path), shell_complete=complete_studies)
@click.option("--name", metavar="NAME", help="Name of the reference results.  [default: that of the folder]")
@output_option(
    "Folder of the file; pages show those in the default.  "
    "[default: benchbed/references in $XDG_DATA_HOME or ~/.local/share]"
)
def save_command(folder: Path, name: str | None, output: Path | None) -> int:
    """Store summary, median curves and scores by seed of the study in DIR as the next version of a reference.

    The file contains a digest. Equal results are not stored again. `benchbed report DIR` adds them to the page of a
    study that was run before.

    \b
    Examples:
      benchbed reference save results/main
      benchbed reference save results/modern --name ours

    \b
    Exit codes: 0 stored, 2 wrong usage or trials without a result, 3 a folder cannot be used.
    """
    from benchbed.study import load
    from benchbed.study.reference_files import save_reference, user_folder

    study = load(folder)
    print_warnings(study.warnings)
    stored, is_new = save_reference(study, name or folder.resolve().name, output or user_folder())
    state = "stored in" if is_new else "these results are stored already, in"
    print_line(f"{stored.study.title}: {state} {stored.path}; SHA-256 {stored.digest}")
    return 0


@reference_command.command("list", short_help="List the stored reference results.")
def list_references_command() -> int:
    """List name, version, contents, digest and file of all reference results, those of benchbed first.

    Pages show the newest version of each.

    \b
    Exit codes: 0 listed, 1 a file cannot be used.
    """
    from benchbed.formatting import plural, printable
    from benchbed.study.reference_files import SHIPPED, read_references, user_folder

    stored, errors = read_references([SHIPPED, user_folder()])
    for path, digest, study in stored:
        optimizers = {row.optimizer for row in study.summary}
        line = (
            f"{study.title}: protocol {study.protocol}, preset {study.preset}, "
            f"{plural(len(study.problems), 'problem')}, {plural(len(optimizers), 'optimizer')}; "
            f"SHA-256 {digest[:12]}; {path}"
        )
        print_line(printable(line))
    for error in errors:
        click.echo(f"error: {printable(error)}", err=True)
    return 1 if errors else 0


@reference_command.command(
    "value", short_help="Compute the lowest objective of a problem without a known optimum."
)
@click.argument(
    "problems",
    nargs=-1,
    required=True,
    metavar="NAME[key=value,…]…",
    shell_complete=complete_names("problems"),
)
@seconds_option("--seconds", "Time for each problem.", 60.0)
@plugin_option
def value_command(problems: tuple[str, ...], seconds: float, plugin_files: tuple[Path, ...]) -> int:
    """Compute the lowest objective of each problem and store it beside the file of its class.

    Trials then have gaps and scores, as if `optimum` returned the value, as long as the code of the class, the
    parameters and the data stay the same. The objective over all samples is minimized by L-BFGS in float64, from five
    starts, or from one if the class says `is_convex = True`. A convex problem whose gradient ends so small that no
    target depends on the rest has a certified value. The value of any other problem is the best known one.

    \b
    Examples:
      benchbed reference value digits-logistic --plugin ./digits.py
      benchbed reference value 'digits-logistic[l2=0.01]' --plugin ./digits.py --seconds 300

    \b
    Exit codes: 0 all stored, 1 a problem has no reference value, 2 wrong usage.
    """  # fmt: skip
    from benchbed.runner.fork_server import start_fork_server

    start_fork_server()
    from benchbed.study.references import compute_references

    catalog = load_plugins(plugin_files, None)
    computed = compute_references(catalog, problems, absolute_paths(plugin_files), seconds)
    for selector, result in zip(problems, computed, strict=True):
        if result.reference is None:
            click.echo(f"error: {selector}: {result.error}", err=True)
        else:
            print_line(f"{selector}: {_describe(result.reference)}; stored in {result.path}")
    return 0 if all(result.reference for result in computed) else 1


def _describe(reference: "Reference") -> str:
    from benchbed.interfaces.references import ReferenceKind

    norm = f"gradient norm {reference.gradient_norm:.2g}"
    if reference.kind == ReferenceKind.CERTIFIED:
        return f"f* = {reference.value:.12g}, certified by convexity and {norm}"
    return f"f* = {reference.value:.12g}, the best known value with {norm}"
