"""Compute the structure of a project's networks: for the lock, or to be checked by it."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench.analysis.records import CONVENTION_NUMBER
from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gates.structure.budgets import parse_allowance
from archbench.gates.structure.check import CurrentCell, check_cells
from archbench.gates.structure.configuration import size_texts
from archbench.gates.structure.lock_file import locks_below
from archbench.gates.structure.locking import Locking, next_lock
from archbench.gates.structure.locks import LockedCell
from archbench.gates.structure.network_structure import locked_cell
from archbench.gates.structure.records import Check, GateCell
from archbench.gates.structure.selection import Selection, select_cells
from archbench.several import several
from archbench.shell.options import CellOptions

if TYPE_CHECKING:
    from archbench.networks.inputs import InputSize

Tell = Callable[[float], None]  # is told the share of cells that is done


def check(
    cells: str | Sequence[str] | None = None,
    lock: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    allow: str | Sequence[str] | None = None,
    strict: bool = False,
    input_size: "InputSize | None" = None,
    batch_size: int | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
) -> Check:
    """Compute the structure of a project's networks again, and compare it with the lock.

    Args:
        cells: names or patterns of declared or locked cells, or MODEL strings; all cells where
            none is named.
        lock: the file; default: archbench.lock.json beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        allow: growth that is no regression: "macs:+1%", "params:+1000".
        strict: what cannot be decided counts in `exit_code`.
        input_size: of the named cells, without the batch; default: the cell's own.
        batch_size: of the named cells; default: the cell's own.
        model_kwargs: of the named cells, arguments of the network or factory.

    Raises:
        ArchbenchError: something asked for is not known, or the lock cannot be read.
    """
    named = several(cells)
    settings = _settings(input_size, batch_size, model_kwargs)
    if settings and not named:
        raise ArchbenchError(
            f"{', '.join(settings)} of check() belongs to cells, and none is named",
            'name them: check("resnet18", batch_size=8)',
        )
    selection = select_cells(named, _path(lock), _path(config), settings, _words(settings))
    return run_check(selection, several(allow), strict)


def _path(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


def _settings(
    input_size: Any, batch_size: int | None, model_kwargs: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the settings that replace those of the named cells."""
    settings: dict[str, Any] = {}
    if input_size is not None:
        settings["input_size"] = size_texts(input_size, "check()")
    if batch_size is not None:
        settings["batch_size"] = batch_size
    if model_kwargs:
        settings["model_kwargs"] = dict(model_kwargs)
    return settings


def _words(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as the words of a command line, for the command that accepts a change."""
    kwargs = settings.get("model_kwargs", {})
    return CellOptions(
        input_size=list(settings.get("input_size", ())),
        batch_size=settings.get("batch_size"),
        model_kwargs=[f"{name}={value}" for name, value in kwargs.items()],
    ).command_line()


def run_check(
    selection: Selection, allow: Sequence[str], strict: bool, tell: Tell = lambda share: None
) -> Check:
    """Compute the selected cells; return their check by the lock.

    Raises:
        ArchbenchError: there is no lock, or an allowance cannot be read.
    """
    allowances = [parse_allowance(text) for text in allow]
    if selection.lock is None:
        raise ArchbenchError(f"there is no lock '{selection.path}'", _lock_hint(selection))
    current = []
    with chdir(selection.project.root):
        for i, cell in enumerate(selection.cells):
            tell(i / len(selection.cells))
            current.append(_current_cell(cell))
    return check_cells(selection, selection.lock, current, allowances, strict)


def _lock_hint(selection: Selection) -> str:
    folders = ", ".join(f"'{path.as_posix()}'" for path in locks_below(selection.project.root))
    if folders:
        return f"there are locks in {folders}: `archbench check` is run there"
    return (
        "`archbench lock` writes the first one from the cells that are declared, "
        "`archbench lock MODEL` from what is named"
    )


def run_lock(selection: Selection, reason: str, update: bool, tell: Tell) -> Locking:
    """Compute the selected cells; return the lock that holds them, to be written by the caller.

    Raises:
        ArchbenchError, UserCodeError: a cell could not be computed.
        NothingMeasured: there are no cells.
    """
    if not selection.cells:
        raise NothingMeasured(
            "there are no cells to lock",
            "`archbench lock resnet50`, or [[cells]] with model = ... in archbench.toml",
        )
    cells = locked_cells(selection.cells, selection.project.root, tell)
    everything = not selection.cell_arguments
    return next_lock(selection.lock, CONVENTION_NUMBER, cells, everything, reason, update)


def locked_cells(cells: Sequence[GateCell], root: Path, tell: Tell) -> list[LockedCell]:
    """Return cells with their structures; relative paths of models start from the project's root.

    Raises:
        ArchbenchError, UserCodeError: a cell could not be computed.
    """
    locked = []
    with chdir(root):
        for i, cell in enumerate(cells):
            tell(i / len(cells))
            try:
                locked.append(locked_cell(cell)[0])
            except ArchbenchError as error:
                if cell.name == cell.model:
                    raise
                raise type(error)(f"cell '{cell.name}': {error.message}", error.hint) from error
    return locked


def _current_cell(cell: GateCell) -> CurrentCell:
    """Return a cell as it is now; an error is part of the result."""
    try:
        locked, profile = locked_cell(cell)
    except ArchbenchError as error:
        return CurrentCell(cell.name, cell.budgets, failure=error.message)
    uncounted = tuple(operation.op for operation in profile.uncounted)
    values = profile.note if profile.device != "meta" else ""
    return CurrentCell(
        cell.name,
        cell.budgets,
        locked,
        uncounted=uncounted,
        missed=profile.missed,
        needs_values=values,
    )
