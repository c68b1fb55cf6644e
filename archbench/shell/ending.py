"""How a command ends: whatever goes wrong is a line and a hint, and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from errno import EINVAL, ENOSPC

import typer

from archbench.errors import ArchbenchError, why_refused
from archbench.libraries import missing, named_by
from archbench.one_line import one_line
from archbench.shell.streams import say
from archbench.tables.signs import never_fail

INTERNAL_ERROR = 70
INTERRUPTED = 130
LONGEST = 600  # characters of an error


def end(app: typer.Typer, argv: Sequence[str]) -> int:
    """Run one command; return its exit code, whatever happens."""
    debug = "--debug" in argv
    never_fail((sys.stdout, sys.stderr))
    try:
        code = typer.main.get_command(app).main(
            args=_spelled_out(argv), prog_name="archbench", standalone_mode=False
        )
        if sys.stdout is not None:  # as it is after `>&-`
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ArchbenchError as error:
        return _explain(error, debug)
    except _UsageError as error:
        return _explain(_usage(error), debug)
    except BrokenPipeError:
        _let_go_of_stdout()
        return 0
    except SystemExit as stop:  # how Typer reports a pipe that its own help closed
        if isinstance(stop.__context__, BrokenPipeError):
            _let_go_of_stdout()
            return 0
        return stop.code if isinstance(stop.code, int) else 1
    except ImportError as error:  # the user's own code does not come here either
        library = named_by(error)
        if library is None:
            return _bug()
        return _explain(missing(library, "this command", error), debug)
    except OSError as error:  # what the user's own code raises never comes here as it is
        _let_go_of_stdout()
        if sys.platform == "win32" and error.errno == EINVAL:  # its word for a broken pipe
            return 0
        hint = "make room on that disk" if error.errno == ENOSPC else ""
        return _explain(ArchbenchError(f"writing failed: {why_refused(error)}", hint), debug)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception:
        return _bug()


def _bug() -> int:
    """Print the traceback of the exception that is handled now; return the exit code."""
    traceback.print_exc()
    message = "this is a bug in archbench, not in what you did"
    _explain(ArchbenchError(message, "please report it with the lines above"), debug=False)
    return INTERNAL_ERROR


def _spelled_out(argv: Sequence[str]) -> list[str]:
    """Spell out what Typer would not understand, or would swallow.

    A bare --compile gets its usual mode: Typer knows no option whose value may be left out. The --
    between saved runs stays only behind another one.

    >>> _spelled_out(["bench", "--compile", "vgg16", "--compile=max-autotune"])
    ['bench', '--compile=default', 'vgg16', '--compile=max-autotune']
    >>> _spelled_out(["check", "--pytest-benchmark", "a.json", "--", "b.json"])
    ['check', '--pytest-benchmark', 'a.json', '--', '--', 'b.json']
    """
    words = ["--compile=default" if word == "--compile" else word for word in argv]
    if "--pytest-benchmark" in words and "--" in words:
        words.insert(words.index("--"), "--")
    return words


# Typer brings its own copy of click from 0.26 on: its error's base class is found by descent.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def _usage(error: Exception) -> ArchbenchError:
    """Word Typer's usage error as archbench words its own: a line, and a hint."""
    message = error.format_message()  # type: ignore[attr-defined]  # click's exceptions have it
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "archbench"
    message = message.replace("Value error, ", "")  # pydantic's, in some versions of Typer
    message = message[:1].lower() + message[1:].rstrip(".")
    return ArchbenchError(" ".join(message.split()), f"`{command} --help` shows what it takes")


def _explain(error: ArchbenchError, debug: bool) -> int:
    """Print an error's message and hint, and with --debug the traceback; return its exit code."""
    with suppress(OSError):  # a closed or full standard error changes no exit code
        if debug:
            traceback.print_exc()
        say(f"archbench: {one_line(error.message, LONGEST)}")
        if error.hint:
            say(f"hint: {one_line(error.hint, LONGEST)}")
    return error.exit_code


def _let_go_of_stdout() -> None:
    """Point standard output at nothing, so that the exit does not try to write the rest to it."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.__stdout__.fileno() if sys.__stdout__ else 1)
