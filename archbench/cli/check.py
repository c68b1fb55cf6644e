"""`archbench check`: the gate of a pull request."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.cli.options import (
    CellBatch,
    Cells,
    Config,
    Debug,
    Form,
    InputSize,
    ModelKwargs,
    Output,
    changed_settings,
)
from archbench.cli.output import destination, prints_set_aside, warn
from archbench.cli.progress import progress
from archbench.errors import NothingMeasured
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.records.gates import Check

LockFile = Annotated[
    Path | None,
    typer.Option(
        "--lock",
        help="the lock (default: archbench.lock.json beside the configuration)",
        show_default=False,
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="FIGURE:+1%",
        help="growth that is let pass, repeatable",
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="exit 4 if a cell is missing, not comparable or not all counted"),
]


def check(
    cells: Cells = None,
    lock: LockFile = None,
    config: Config = None,
    input_size: InputSize = None,
    batch_size: CellBatch = None,
    model_kwargs: ModelKwargs = None,
    allow: Allow = None,
    strict: Strict = False,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Compute the structure of networks again and hold it to the lock, to the digit.

    Exits with 1 where a figure grew or is beyond its budget.
    """
    with destination(form, output) as out, prints_set_aside():
        from archbench.api.gate import Chosen, run_check
        from archbench.report.check import check_report

        settings, said = changed_settings(cells, input_size, batch_size, model_kwargs)
        chosen = Chosen(cells or [], lock, config, settings, said)
        chosen.refuse_as_output(output)
        with progress("checking") as tell:
            result = run_check(chosen, allow or [], strict, tell)
        out.write(check_report(result))
    if not result.cells:
        raise NothingMeasured(
            "there are no cells to check",
            "[[cells]] with model = ... in archbench.toml declares one",
        )
    _leave(result)


def _leave(result: "Check") -> None:
    """Warn of what --strict would not let pass, and end with the code of the worst verdict."""
    words = list(result.words.values())
    if not result.strict:
        for word in ("missing", "not_comparable"):
            if word in words:
                cells = counted(words.count(word), "cell is", "cells are")
                warn(f"{cells} {word.replace('_', ' ')}; --strict would exit 4")
        if result.uncounted:
            warn("some operations have no counting rule; --strict would exit 4")
    if result.exit_code:
        raise typer.Exit(result.exit_code)
