"""The command line: one group, a file a command, errors in one line."""

from __future__ import annotations

import sys
import traceback

import click

from ds2kit.cli import process
from ds2kit.errors import UserError, close_name
from ds2kit.registry import Toolkit

INTERRUPTED = 130
"""The status that shells give a program stopped by Ctrl-C."""


class LazyGroup(click.Group):
    """Commands that are imported when they are named, or listed by `--help`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_toolkit(ctx).commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        toolkit = _toolkit(ctx)
        if cmd_name not in toolkit.commands:
            if ctx.resilient_parsing:
                return None
            hint = close_name(cmd_name, toolkit.commands)
            raise click.UsageError(f"there is no command '{cmd_name}'{hint}", ctx)
        try:
            command: click.Command = toolkit.command(cmd_name)
        except UserError as error:
            return _broken(cmd_name, error)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ds2kit", message="ds2kit %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train, decode and serve Deep Speech 2 models in any language."""


def main() -> None:
    """Run the command line; exits with 0, 1 (an error of the user's) or 130 (Ctrl-C)."""
    debug = "--debug" in sys.argv
    process.prepare()
    try:
        cli.main(prog_name="ds2kit", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort) as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for Ctrl-D; it is a defect
            raise error.__cause__ from None
        click.echo("stopped; run the same command again to go on", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except click.ClickException as error:
        _fail(_usage(error), debug)
    except (UserError, OSError) as error:
        _fail(str(error), debug)


def _fail(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    click.echo(f"ds2kit: {message}", err=True)
    sys.exit(1)


def _usage(error: click.ClickException) -> str:
    context, told = getattr(error, "ctx", None), error.format_message()
    if context and told == context.get_help():  # of a group that was called without a command
        return f"expected a command\n\n{told}"
    where = f" ({context.command_path} --help)" if context else ""
    return " ".join(told.split()) + where


def _toolkit(ctx: click.Context) -> Toolkit:
    root = ctx.find_root()
    if root.obj is None:
        root.obj = Toolkit.installed()
    toolkit: Toolkit = root.obj
    return toolkit


def _broken(name: str, error: UserError) -> click.Command:
    def fail() -> None:
        raise error

    any_arguments = {"ignore_unknown_options": True, "allow_extra_args": True}
    shown = f"(broken: {error})"
    return click.Command(name, callback=fail, short_help=shown, context_settings=any_arguments)
