"""Offer benchbed on the command line; the only room that prints."""

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from benchbed import __version__
from benchbed.cli.compare import compare_command
from benchbed.cli.group import CommandGroup
from benchbed.cli.list import list_command
from benchbed.cli.plan import plan_command
from benchbed.cli.plugins import plugins_command
from benchbed.cli.report import report_command
from benchbed.cli.run import run_command
from benchbed.cli.verify import verify_command
from benchbed.errors import BenchbedError

NO_SPACE, INTERRUPTED, TERMINATED = 3, 130, 143
_NO_SPACE = "no space is left where the output goes; free some and run the same line again; what had finished is stored"


class _Group(CommandGroup):
    """The commands, whose reader may close stdout early."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a reader that closes stdout early is not a failure, as click would have it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _stop_printing()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="benchbed %(version)s")
def commands() -> None:
    """Compare optimizers honestly and fast.

    \b
    Examples:
      benchbed run                                     the standard benchmark, into results/standard/
      benchbed run -p quadratic -o adam -o sgd         one problem, two optimizers
      benchbed run -o 'torch.optim:NAdam'              an optimizer of torch, as it is
      benchbed list problems                           what there is to run
      benchbed plan --preset full                      what it would cost
      benchbed course                                  every figure of the course, on one page
    """


for command in (
    run_command,
    list_command,
    plugins_command,
    plan_command,
    report_command,
    compare_command,
    verify_command,
):
    commands.add_command(command)


def main() -> int:
    """Run a command and give its exit code; a user's mistake prints one sentence and no traceback."""
    _open_what_is_closed()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # `nohup` and a shell's `&` ignore it
        signal.signal(signal.SIGINT, _interrupt)
    return _exit_code()


def _open_what_is_closed() -> None:
    # After `>&-` there is no stdout, and the next file that is opened would take its number.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (stays open)


def _exit_code() -> int:
    try:
        return _run()
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what had finished is stored, and the same line goes on from there", err=True)
        return INTERRUPTED
    except _TerminatedError:
        click.echo("terminated; what had finished is stored, and the same line goes on from there", err=True)
        return TERMINATED
    except BrokenPipeError:
        return _stop_printing()
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _stop_printing()
        click.echo(f"error: {_NO_SPACE}", err=True)
        return NO_SPACE


def _stop_printing() -> int:
    # The reader has what it wanted. Python would complain again when it flushes stdout at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


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
        click.echo(f"error: {error}", err=True)
        return error.exit_code


class _TerminatedError(BaseException):
    """SIGTERM arrived; raised through the program so that it can put things in order."""


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is impatient shall not disturb the tidying
    raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _TerminatedError
