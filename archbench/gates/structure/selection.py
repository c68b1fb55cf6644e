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
from archbench.networks.names import LOCK, names_file, parts_of, portable, relative
from archbench.networks.registry import ARCHITECTURES, find, select


@dataclass(frozen=True, slots=True)
class Selection:
    """The cells that a command works on, and the files that they come from."""

    #: the declared ones; where no file declares any, those of the lock; or those named
    cells: tuple[GateCell, ...]
    project: Project  #: where cells are declared
    path: Path  #: of the lock
    lock: Lock | None  #: what it holds; None where there is no such file
    named: tuple[str, ...] = ()  #: what the command line named; empty where all cells are meant
    #: how the settings were written on the command line, to be told again
    options: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path | None, Path | None]:
        """The lock, and what declares the cells; None where nothing does."""
        return self.path, self.project.source


def select_cells(
    named: Sequence[str] = (),
    path: Path | None = None,
    config: Path | None = None,
    changed: Mapping[str, Any] | None = None,
    options: Sequence[str] = (),
) -> Selection:
    """Read what declares cells, and the lock, and choose the cells of one command.

    Args:
        named: names or patterns of cells, or MODEL strings; none for all cells.
        path: of the lock; default: beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        changed: settings that replace those of the named cells.
        options: how the settings were written on the command line.

    Raises:
        ArchbenchError: nothing is called so, or a file cannot be read.
    """
    project = find_project(Path.cwd(), config)
    elsewhere = [] if path is None else ["-o", str(path)]
    declared = [] if config is None else ["--config", str(config)]
    path = Path(relative(project.root / LOCK, Path.cwd())) if path is None else path
    lock = read_lock(path)
    held = () if lock is None else lock.cells
    cells = project.cells
    if project.source is None:
        cells = tuple(_as_declared(cell) for cell in held)
    if named:
        locked = {cell.name: _as_declared(cell) for cell in held}
        found = [cell for word in named for cell in _named(word, cells, locked, project)]
        cells = tuple({c.name: replace(c, **(changed or {})) for c in found}.values())
    return Selection(cells, project, path, lock, tuple(named), (*options, *elsewhere, *declared))


def _as_declared(cell: LockedCell) -> GateCell:
    return GateCell(cell.name, cell.model, cell.inputs, cell.batch_size, cell.model_kwargs)


def _named(
    word: str,
    known: Sequence[GateCell],
    locked: Mapping[str, GateCell],
    project: Project,
) -> list[GateCell]:
    """Find what one word stands for: a cell, cells by a pattern, or a MODEL that is new."""
    word = portable(word)
    pattern = any(mark in word for mark in "*?[") and ":" not in word
    cells = [c for c in known if c.name == word or (pattern and fnmatchcase(c.name, word))]
    if cells:
        return cells
    if pattern:
        rows = select(word)
        if not rows:
            raise ArchbenchError(
                f"neither a cell nor an architecture matches '{word}'", _names(known)
            )
        return [GateCell(row.name, row.name) for row in rows]
    model = from_root(word, project.root)
    if model in locked:
        return [locked[model]]
    if parts_of(model) is None and not names_file(model):
        try:
            find(model)
        except UnknownArchitecture as error:
            if not known:
                raise
            near = nearest(word, [*(c.name for c in known), *(r.name for r in ARCHITECTURES)])
            raise UnknownArchitecture(
                f"there is no cell and no architecture named '{word}'", f"{near}{_names(known)}"
            ) from error
    return [GateCell(model, model)]


def _names(known: Sequence[GateCell]) -> str:
    if not known:
        return "`archbench list` names the architectures"
    names = ", ".join(cell.name for cell in known[:8])
    return f"the cells are {names}{' and more' if len(known) > 8 else ''}"


def from_root(model: str, root: Path) -> str:
    """Write a MODEL that is a file of the current folder as it is named from the project's root."""
    place, name = parts_of(model) or ("", "")
    return f"{relative(place, root)}:{name}" if place.endswith(".py") else model
