"""The `archbench` command: its sub-commands, and how it ends."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from archbench import __version__
from archbench.cli.compare import compare
from archbench.cli.shelf import list_architectures
from archbench.cli.summary import summary
from archbench.errors import ArchbenchError

EXIT_CODES = (
    "Exit codes: 0 fine; 1 a regression; 2 archbench refuses what was asked; 3 the model's own "
    "code raised; 4 incomplete or inconclusive, under --strict only; 5 nothing was measured; "
    "70 internal error; 130 interrupted."
)

INTERNAL_ERROR = 70
INTERRUPTED = 130

app = typer.Typer(
    name="archbench",
    help="Put claims about vision architectures to the test.",
    epilog=EXIT_CODES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_architectures)
app.command("summary")(summary)
app.command("compare")(compare)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"archbench {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="show the version", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Put claims about vision architectures to the test."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(argv: Sequence[str]) -> int:
    """Run one command; return its exit code, whatever happens."""
    debug = "--debug" in argv
    try:
        code = typer.main.get_command(app).main(
            args=list(argv), prog_name="archbench", standalone_mode=False
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ArchbenchError as error:
        _explain(error.message, error.hint, debug)
        return error.exit_code
    except _UsageError as error:
        _explain(*_usage(error), debug)
        return 2
    except BrokenPipeError:
        return _closed_pipe()
    except SystemExit as stop:  # how Typer reports a pipe that its own help closed
        if isinstance(stop.__context__, BrokenPipeError):
            return _closed_pipe()
        return stop.code if isinstance(stop.code, int) else 1
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        _explain(
            "this is a bug in archbench, not in what you did",
            "please report it with the lines above",
            debug=False,
        )
        return INTERNAL_ERROR


# Typer brings its own copy of click from 0.26 on: its error's base class is found by descent.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _usage(error: Exception) -> tuple[str, str]:
    """Word Typer's usage error as archbench words its own: a line, and a hint."""
    message = error.format_message()  # type: ignore[attr-defined]  # click's exceptions have it
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "archbench"
    message = message[:1].lower() + message[1:].rstrip(".")
    return " ".join(message.split()), f"`{command} --help` shows what it takes"


def _explain(message: str, hint: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    typer.echo(f"archbench: {message}", err=True)
    if hint:
        typer.echo(f"hint: {hint}", err=True)


def _closed_pipe() -> int:
    """End quietly when a reader such as `head` has seen enough."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)  # else exit flushes into it
    return 0
