"""The command line of benchbed; only this package prints and sets exit codes."""

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from benchbed import __version__
from benchbed.cli.check import check_command
from benchbed.cli.compare import compare_command
from benchbed.cli.group import CommandGroup
from benchbed.cli.list import list_command
from benchbed.cli.merge import merge_command
from benchbed.cli.new import new_command
from benchbed.cli.output import discard_stdout
from benchbed.cli.plan import plan_command
from benchbed.cli.plugins import plugins_command
from benchbed.cli.reference import reference_command
from benchbed.cli.report import report_command
from benchbed.cli.run import run_command
from benchbed.cli.verify import verify_command
from benchbed.errors import BenchbedError
from benchbed.formatting import printable

NO_SPACE = 3
_ENDINGS: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


@click.group(
    cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="benchbed %(version)s")
def commands() -> None:
    """Compare optimizers for PyTorch on benchmark problems.

    \b
    Examples:
      benchbed run                                     the standard benchmark, results in results/standard/
      benchbed run -p quadratic -o adam -o sgd         one problem, two optimizers
      benchbed run -o 'torch.optim:NAdam'              an optimizer of torch
      benchbed list problems                           the available problems
      benchbed plan --preset full                      the cost of a study before it runs
      benchbed new optimizer my-rule                   a file to start an optimizer of your own from
      benchbed check my_rule.py                        whether it keeps the contract
      benchbed course                                  all figures of the course on one page
    """


for command in (
    run_command,
    list_command,
    plugins_command,
    plan_command,
    report_command,
    merge_command,
    compare_command,
    verify_command,
    new_command,
    check_command,
    reference_command,
):
    commands.add_command(command)


def main() -> int:
    """Run a command and return its exit code; a mistake of the user prints one sentence without a traceback."""
    # If a stream is closed (`>&-`), Python sets it to None, and the next opened file would get its descriptor.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (stays open)
    signal.signal(signal.SIGTERM, _on_signal)
    # `nohup` and a shell's `&` ignore SIGINT.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_signal)
    try:
        return _run()
    except (KeyboardInterrupt, click.Abort) as error:
        interrupt = error.__cause__ or error  # click raises Abort from the interrupt
        ending = signal.SIGTERM if isinstance(interrupt, _TerminatedError) else signal.SIGINT
        click.echo("; ".join([_ENDINGS[ending], *getattr(interrupt, "__notes__", ())]), err=True)
        return 128 + ending
    except BrokenPipeError:
        return discard_stdout()
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        discard_stdout()
        try:
            click.echo("error: no space is left for the output; free some and run again", err=True)
            sys.stderr.flush()
        except OSError:  # it may be on the same disk, and Python would try again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        return NO_SPACE


def _run() -> int:
    try:
        code = commands.main(standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BenchbedError as error:
        for line in error.lines:
            click.echo(f"error: {printable(line)}", err=True)
        return error.exit_code


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived; raised so that context managers clean up, and passed on wherever an interrupt is."""


def _on_signal(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleaning up
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            # An exception that passes through the C++ code of a module, such as torch's, would abort this process.
            os.write(2, f"{_ENDINGS[number]}\n".encode())
            os._exit(128 + number)
        frame = frame.f_back
    raise KeyboardInterrupt if number == signal.SIGINT else _TerminatedError
