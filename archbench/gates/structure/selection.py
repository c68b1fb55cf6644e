"""The cells that a gate command works on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from archbench.errors import ArchbenchError, UnknownArchitecture, nearest
from archbench.gates.structure.configuration import Project, find_project
from archbench.gates.structure.lock_file import read_lock
from archbench.gates.structure.locks import Lock, LockedCell
from archbench.gates.structure.records import GateCell
from archbench.networks.model_settings import nearest_way, refuse_broken_settings, settings_of
from archbench.networks.names import (
    LOCK,
    is_pattern,
    names_file,
    names_function,
    parts_of,
    portable,
    relative,
    with_place,
)
from archbench.networks.registry import ARCHITECTURES, find, select


@dataclass(frozen=True, slots=True)
class Selection:
    """The cells that a command works on, and the files that they come from."""

    #: those of the command line; without any the declared ones; without any, those of the lock
    cells: tuple[GateCell, ...]
    project: Project  #: where cells are declared
    path: Path  #: of the lock
    lock: Lock | None  #: the accepted cells; None where there is no such file
    cell_arguments: tuple[str, ...] = ()  #: CELL of the command line; empty for all cells
    options: tuple[str, ...] = ()  #: settings and files, as options of the command line

    @property
    def files(self) -> tuple[Path | None, Path | None]:
        """The lock, and the file that declares the cells; None where none does."""
        return self.path, self.project.source


def select_cells(
    cell_arguments: Sequence[str] = (),
    lock: Path | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
) -> Selection:
    """Return the cells of one command, read from the configuration, the lock or the arguments.

    Args:
        cell_arguments: names or patterns of cells, or MODEL strings; empty for all cells.
        lock: its path; default: beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        settings: fields of the cells in the arguments, in place of their own.
        options: the same settings, as options of the command line.

    Raises:
        ArchbenchError: an argument is no cell and no MODEL, or a file cannot be read.
    """
    project = find_project(Path.cwd(), config)
    file_options = [] if lock is None else ["-o", str(lock)]
    file_options += [] if config is None else ["--config", str(config)]
    path = Path(relative(project.root / LOCK, Path.cwd())) if lock is None else lock
    held = read_lock(path)
    locked = {} if held is None else {cell.name: _declaration(cell) for cell in held.cells}
    cells = tuple(locked.values()) if project.source is None else project.cells
    if cell_arguments:
        own = dict(settings or {})
        if "input_size" in own:
            own["input_size"] = sizes_from_root(own["input_size"], project.root)
        found = [
            replace(cell, **own)
            for argument in cell_arguments
            for cell in _cells_of(argument, cells, locked, project.root)
        ]
        cells = tuple({cell.name: cell for cell in found}.values())
    return Selection(cells, project, path, held, tuple(cell_arguments), (*options, *file_options))


def _declaration(cell: LockedCell) -> GateCell:
    """Return a locked cell as it would be declared."""
    return GateCell(cell.name, cell.model, cell.inputs, cell.batch_size, cell.model_kwargs)


def _cells_of(
    argument: str, known: Sequence[GateCell], locked: Mapping[str, GateCell], root: Path
) -> list[GateCell]:
    """Return the cells that an argument names: a cell, cells by a pattern, or a new MODEL."""
    argument = portable(argument)
    pattern = is_pattern(argument)
    cells = [c for c in known if c.name == argument or (pattern and fnmatchcase(c.name, argument))]
    if cells:
        return cells
    if pattern:
        rows = select(argument)
        if not rows:
            refuse_broken_settings(argument)
            raise ArchbenchError(
                f"neither a cell nor an architecture matches '{argument}'",
                f"{nearest_way(argument)}{_name_hint(known)}",
            )
        return [GateCell(row.name, row.name) for row in rows]
    model = from_root(argument, root)
    if model in locked:
        return [locked[model]]
    name = settings_of(model).name
    if parts_of(name) is None and not names_file(name):
        _check_architecture(name, known)
    return [GateCell(model, model)]


def _check_architecture(name: str, known: Sequence[GateCell]) -> None:
    """Refuse a name that is no architecture, with the nearest of cells and architectures.

    Raises:
        UnknownArchitecture: there is none.
    """
    try:
        find(name)
    except UnknownArchitecture as error:
        if not known:
            raise
        near = nearest(name, [*(c.name for c in known), *(r.name for r in ARCHITECTURES)])
        raise UnknownArchitecture(
            f"there is no cell and no architecture named '{name}'", f"{near}{_name_hint(known)}"
        ) from error


def _name_hint(known: Sequence[GateCell]) -> str:
    if not known:
        return "`archbench list` names the architectures"
    names = ", ".join(cell.name for cell in known[:8])
    return f"the cells are {names}{' and more' if len(known) > 8 else ''}"


def sizes_from_root(sizes: Sequence[str], root: Path) -> tuple[str, ...]:
    """Return input sizes; the file of a function is relative to the project's root, not to here."""
    return tuple(
        from_root(portable(size), root) if names_function(size) else size for size in sizes
    )


def from_root(model: str, root: Path) -> str:
    """Return a MODEL with the path of its file relative to the project's root, not to here."""
    place, _ = parts_of(model) or ("", "")
    return with_place(model, relative(place, root)) if place.endswith(".py") else model
