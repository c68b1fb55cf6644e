"""The `archbench` command: the list of its sub-commands."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from archbench.shell.ending import end
from archbench.shell.option_groups import as_command
from archbench.shell.streams import print_line
from archbench.version import own_version

# In the order in which `archbench --help` lists them: a name, and its function below commands/.
COMMANDS = {
    "list": "registry.command.list_architectures",
    "info": "registry.command.info",
    "summary": "summary.command.summary",
    "compare": "compare.command.compare",
    "bench": "bench.command.bench",
    "doctor": "doctor.command.doctor",
    "lock": "lock.command.lock",
    "check": "check.command.check",
    "judge": "judge.command.judge",
    "init-ci": "init_ci.command.init_ci",
    "selftest": "selftest.command.selftest",
    "reproduce": "reproduce.command.reproduce",
    "claims": "claims.command.claims",
    "explain": "explain.command.explain",
}

EXIT_CODES = (
    "Exit codes: 0 fine; 1 a regression, or a printed figure or claim whose "
    "verdict changed; 2 archbench refuses what was asked; 3 the model's own code raised; "
    "4 under --strict only: something stayed uncounted or undecided, is missing or not comparable; "
    "5 nothing was measured; 70 internal error; 130 interrupted."
)

app = typer.Typer(
    name="archbench",
    help="Put claims about vision architectures to the test.",
    epilog=EXIT_CODES,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _place in COMMANDS.items():
    _module, _, _function = _place.rpartition(".")
    _command = getattr(import_module(f"archbench.commands.{_module}"), _function)
    app.command(_name)(as_command(_command))


def _print_version(asked: bool) -> None:
    if asked:
        print_line(f"archbench {own_version()}")
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
        print_line(context.get_help())


def run(argv: Sequence[str]) -> int:
    """Run one command; return its exit code, whatever happens."""
    return end(app, argv)
