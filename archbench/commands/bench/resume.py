"""`bench --resume`: the sessions of a recorded run that need not be measured again."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.timing.records import Session
from archbench.timing.run_file import Warn, read_run
from archbench.timing.sessions.job_runner import JobRunner


def recorded_sessions(
    path: Path, cells: Sequence[Cell], layers: bool, runner: JobRunner, warn: Warn
) -> list[Session]:
    """Return those sessions of a recorded run that are of these cells, this machine and this code.

    A session that failed for another reason than memory is left out, and so is one without layers
    where layers are asked for: it is measured again. A session of another machine or code is warned
    of. The runner asks a worker process, started as for each cell, what this machine is now.
    """
    wanted = {cell.id: cell for cell in cells}
    # by precision and threads, which set what is compared
    here: dict[tuple[str, int | None], Environment] = {}
    kept: dict[tuple[Cell, int], Session] = {}
    for session in read_run(path, warn):
        cell = wanted.get(session.cells[0].id) if len(session.cells) == 1 else None
        if cell is None or session.environment is None:
            continue
        if session.failure is not None and session.failure.kind != "oom":
            continue
        if layers and session.failure is None and not session.layers_ns:
            continue
        set_up = cell.precision, cell.threads
        if set_up not in here:
            here[set_up] = runner.environment(cell)
        differences = _differences(session.environment, here[set_up])
        if differences:
            field, then, now = differences[0]
            warn(
                f"a session of {cell.model} in '{path}' is measured again: {field} was "
                f"{then!r} and is {now!r}"
            )
            continue
        kept[cell, session.number] = replace(session, cells=(cell,))
    return list(kept.values())


def _differences(then: Environment, now: Environment) -> list[tuple[str, Any, Any]]:
    """List what keeps a recorded session from being used: the machine, or the code, is another."""
    code = [
        (field, getattr(then, field), getattr(now, field))
        for field in ("archbench", "commit", "dirty")
        if getattr(then, field) != getattr(now, field)
    ]
    return [*then.differences(now), *code]
