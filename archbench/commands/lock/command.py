"""`archbench lock`: write down what the networks of a project are."""

from pathlib import Path
from typing import Annotated

import typer

from archbench.errors import AnalysisIncomplete, ArchbenchError
from archbench.shell import interrupt
from archbench.shell.atomic_files import atomic_write
from archbench.shell.files_in_use import in_use
from archbench.shell.options import CellOptions, Cells, Form
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import progress
from archbench.shell.streams import warn
from archbench.units import counted

Output = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        help="the lock (default: archbench.lock.json beside the configuration)",
        show_default=False,
    ),
]
Update = Annotated[bool, typer.Option("--update", help="accept what is another than in the lock")]
Strict = Annotated[bool, typer.Option("--strict", help="lock nothing if a count is incomplete")]
Reason = Annotated[str, typer.Option("--reason", help="why, kept in the lock")]


def lock(
    cells: Cells = None,
    *,
    output: Output = None,
    options: CellOptions,
    update: Update = False,
    reason: Reason = "",
    strict: Strict = False,
    form: Form = None,
) -> None:
    """Write what networks hold and do into a lock, for `archbench check` to hold them to."""
    if update and not reason.strip():
        raise ArchbenchError("--update needs a --reason, which the lock keeps", '--reason "why"')
    with destination(form, None) as out, prints_set_aside():
        from archbench.commands.lock.report import lock_report
        from archbench.gates.structure.lock_file import to_text
        from archbench.gates.structure.run import run_lock
        from archbench.gates.structure.selection import select_cells

        selection = select_cells(cells or [], output, options.config, options.settings(cells))
        with in_use(selection.project.source), atomic_write(selection.path, lock=True) as stream:
            with progress("counting") as tell:
                locking = run_lock(selection, " ".join(reason.split()), update, tell)
            if selection.lock is not None and locking.differs and not update:
                cells_differ = len(locking.added) + len(locking.changed) + len(locking.removed)
                raise ArchbenchError(
                    f"'{selection.path}' is there already, and "
                    f"{counted(cells_differ, 'cell')} would change",
                    '`archbench check` shows how, `archbench lock --update --reason "why"` accepts',
                )
            incomplete = ", ".join(locking.incomplete)
            if incomplete and strict:
                raise AnalysisIncomplete(
                    f"the MACs of {incomplete} are lower bounds",
                    "`archbench summary` names what is missing; without --strict they are locked",
                )
            interrupt.check()
            stream.write(to_text(locking.lock))
        out.write(lock_report(locking, str(selection.path)))
        if incomplete:
            warn(f"the MACs of {incomplete} are lower bounds; --strict would exit 4")
