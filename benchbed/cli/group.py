"""A group of built-in commands and of those that plugins register."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from benchbed.catalog.names import quoted, suggestion
from benchbed.cli.output import discard_stdout, print_plugin_errors
from benchbed.errors import UsageError
from benchbed.formatting import check_text

_META_KEY = "benchbed.plugin_commands"


class CommandGroup(click.Group):
    """The built-in commands and those of plugins, which are imported only for help and for names not built in."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; if the reader of stdout closes it, exit with 0 instead of click's 1.

        Raises: UsageError if the working directory or an argument cannot be used.
        """
        check_paths([*sys.argv[1:]])
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return discard_stdout()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in alphabetical order."""
        return sorted([*self.commands, *self._plugin_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, None if there is none."""
        return self.commands.get(cmd_name) or self._plugin_commands(ctx).get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name. Raises: click.UsageError with a similar name."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            hint = suggestion(name, self.list_commands(ctx))
            ctx.fail(f"unknown command {quoted(name)}{hint} (see `benchbed --help`)")
        return super().resolve_command(ctx, args)

    def _plugin_commands(self, ctx: click.Context) -> dict[str, click.Command]:
        """Load the commands of plugins once for each call of `benchbed`; print one line for each faulty plugin."""
        if _META_KEY not in ctx.meta:
            from benchbed.cli.plugin_commands import load_commands

            ctx.meta[_META_KEY] = loaded = load_commands(self.commands)
            print_plugin_errors(loaded)
        commands: dict[str, click.Command] = ctx.meta[_META_KEY].commands
        return commands


def check_paths(arguments: Iterable[str]) -> None:
    """Check that the working directory exists, and that all paths are text, as plans, tasks and messages contain them.

    Raises: UsageError if one of them does not.
    """
    try:
        working_directory = str(Path.cwd())
    except OSError as error:
        raise UsageError(
            f"the working directory cannot be used: {error.strerror}; change to a folder that exists"
        ) from error
    for text in (working_directory, *arguments):
        check_text(text)
