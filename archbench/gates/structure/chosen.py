"""Which cells one command of the gate is about, and what accepts what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import join
from typing import Any

from archbench.errors import ArchbenchError, UnknownArchitecture, nearest
from archbench.gates.structure.configuration import Project, find_project
from archbench.gates.structure.lock_file import read_lock
from archbench.gates.structure.locks import LockedCell
from archbench.gates.structure.records import Check, GateCell
from archbench.networks.names import LOCK, names_file, parts_of, portable, relative
from archbench.networks.registry import ARCHITECTURES, find, select

NAMED = 3  # cells that a command names, beyond which it is for all


class Chosen:
    """The cells of one command, and where they come from.

    They are the declared ones; where no file declares any, those of the lock.

    Args:
        words: names or patterns of cells, or MODEL strings; none for all cells.
        path: of the lock; default: beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        changed: settings that replace those of the named cells.
        options: how the settings were written on the command line, to be told again.

    Raises:
        ArchbenchError: nothing is called so, or a file cannot be read.
    """

    def __init__(
        self,
        words: Sequence[str] = (),
        path: Path | None = None,
        config: Path | None = None,
        changed: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.words = tuple(words)
        self.project = find_project(Path.cwd(), config)
        own = Path(relative(self.project.root / LOCK, Path.cwd()))
        self.path = own if path is None else path
        self.lock = read_lock(self.path)
        elsewhere = [] if path is None else ["-o", str(path)]
        declared = [] if config is None else ["--config", str(config)]
        self.options = (*options, *elsewhere, *declared)
        known = self.project.cells
        if self.project.source is None and self.lock is not None:
            known = tuple(_as_declared(cell) for cell in self.lock.cells)
        self.cells = known
        if self.words:
            held = self.lock.cells if self.lock is not None else ()
            locked = {cell.name: _as_declared(cell) for cell in held}
            named = [cell for word in words for cell in _named(word, known, locked, self.project)]
            self.cells = tuple({c.name: replace(c, **(changed or {})) for c in named}.values())

    @property
    def files(self) -> tuple[Path | None, Path | None]:
        """The lock, and what declares the cells; None where nothing does."""
        return self.path, self.project.source

    def accepting(self, found: Check) -> str:
        """Return the command that accepts what was computed, or say what has to come before."""
        words = found.words_of_the_lock
        names = [
            n for n, word in words.items() if word not in ("ok", "failed") or found.notes.get(n)
        ]
        declared = {cell.name for cell in self.project.cells}
        if self.words and self.project.source is not None:
            strays = [name for name in names if name not in declared]
            if strays:
                return f"declare '{strays[0]}' in {self.project.source.name}, then archbench lock"
        if not names:
            return ""
        # a whole update takes out what is missing, and counts all by one convention
        whole = any(words[name] == "missing" for name in names) or found.other_convention
        if whole and "failed" in words.values():
            return "mend what failed, then archbench lock --update"
        chosen = list(self.words) if not whole else []
        if not chosen and not whole and len(names) <= NAMED:
            chosen = names
        dash = ["--"] if any(word.startswith("-") for word in chosen) else []
        why = ["--update", "--reason", "why it changed"]
        return join(["archbench", "lock", *self.options, *why, *dash, *chosen])


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
