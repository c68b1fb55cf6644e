"""What `archbench check --time` does: gate the time of cells by a commit, or by a model."""

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.errors import NothingMeasured
from archbench.shell import interrupt
from archbench.shell.files_in_use import in_use
from archbench.shell.output import heard, warn
from archbench.shell.progress import progress

if TYPE_CHECKING:
    from archbench.gates.structure.selection import Selection
    from archbench.gates.time.records import TimeGate
    from archbench.timing.sessions.subjects import Ways


def time_gate(
    selection: "Selection",
    ways: "Ways",
    base: str | None,
    against: str | None,
    setup: str,
    max_time_s: float | None,
    record: Path | None,
    strict: bool,
) -> "TimeGate":
    """Gate the time of the selected cells.

    Args:
        selection: of the cells.
        ways: how they run.
        base: a commit to be compared with, or None.
        against: a model to be compared with, or None.
        setup: a command that each tree needs.
        max_time_s: for everything.
        record: a file for all pairs.
        strict: what could not be decided fails too.

    Raises:
        NothingMeasured: there are no cells.
        ArchbenchError: something asked for is not known, or cannot be had.
    """
    from archbench.gates.rules import Rules
    from archbench.gates.structure.selection import from_root
    from archbench.gates.time.run import run_gate
    from archbench.gates.time.sides import commits, models
    from archbench.timing.sessions.job_runner import Listener

    if not selection.cells:
        raise NothingMeasured("there are no cells to time", "`archbench check MODEL --time ...`")
    until = None if max_time_s is None else time.monotonic() + max_time_s
    record = None if record is None else record.absolute()  # the folder may be another by then
    root = selection.project.root
    with in_use(*selection.files, record), progress("measuring") as tell:
        listener = Listener(tell, heard, warn)
        if base is not None:
            whole = not selection.named
            arms = commits(selection.cells, base, selection.project, setup, ways, whole, listener)
        else:
            arms = models(selection.cells, from_root(against or "", root), root, ways, listener)
        with arms as lent:
            gate = run_gate(lent, Rules(), until, record, listener)
    interrupt.check()
    return replace(gate, strict=strict)
