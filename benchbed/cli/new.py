"""`benchbed new`: write a plugin to start from."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchbed.cli.options import output_option
from benchbed.cli.output import print_line
from benchbed.errors import UsageError

if TYPE_CHECKING:
    from benchbed.scaffold import Content


@click.command("new", short_help="Write an optimizer, a problem or a package to start from.")
@click.argument("kind", metavar="KIND", type=click.Choice(("optimizer", "problem", "package")))
@click.argument("name", metavar="NAME")
@click.option(
    "--of",
    "content",
    type=click.Choice(("optimizer", "problem")),
    help="Content of a package.  [default: optimizer]",
)
@output_option("Folder to write to.  [default: the working directory; of a package, benchbed-NAME in it]")
def new_command(kind: str, name: str, content: "Content | None", output: Path | None) -> None:
    """Write a plugin that runs and keeps the contract at once, and change it step by step to your own.

    KIND optimizer or problem writes the file NAME.py; package writes a complete distribution: the module, its entry
    point, tests of every claim of the contract, a README, a license, and a workflow that runs the tests on GitHub.
    Files that exist are not overwritten.

    \b
    Examples:
      benchbed new optimizer my-rule
      benchbed new problem my-valley
      benchbed new package my-rule
      benchbed new package my-valley --of problem -O plugins/valley

    \b
    Exit codes: 0 written, 1 a file cannot be written, 2 wrong usage.
    """  # fmt: skip
    if content is not None and kind != "package":
        raise UsageError(f"--of is the content of a package; leave it out for a file of one {kind}")
    from benchbed.catalog.loading import load_catalog
    from benchbed.scaffold import plugin_file, plugin_package, write_files

    content = content or ("problem" if kind == "problem" else "optimizer")
    catalog = load_catalog(needed=())
    if kind == "package":
        files, folder = plugin_package(name, content), output or Path(f"benchbed-{name}")
    else:
        files, folder = plugin_file(name, content), output or Path()
    registered = catalog.entries["problems" if content == "problem" else "optimizers"].get(name)
    if registered is not None:
        raise UsageError(f"{content} {name!r} is that of {registered.label}; choose another name")
    paths = write_files(folder, files)
    for path in paths:
        print_line(str(path))
    for line in _next_steps(kind, name, content, folder, paths[0]):
        print_line(line, err=True)


def _next_steps(kind: str, name: str, content: str, folder: Path, file: Path) -> list[str]:
    """Return the commands that follow."""
    pairing = f"-p quadratic -o {name} -o adam" if content == "optimizer" else f"-p {name} -o sgd -o adam"
    run = f"{pairing} --preset quick -O results/{name}"
    if kind == "package":
        return [
            "next:",
            f"  python -m pip install -e '{folder}[test]'",
            f"  pytest {folder}",
            f"  benchbed check {name}",
            f"  benchbed run {run} --open",
        ]
    return ["next:", f"  benchbed check {file}", f"  benchbed run --plugin {file} {run} --open"]
