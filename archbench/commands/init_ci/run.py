"""Put gates into a repository: cells, a lock, a pytest-benchmark suite, a workflow."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import Any

from archbench.analysis.records import CONVENTION_NUMBER
from archbench.ci.repository import repository_of
from archbench.commands.init_ci.project_files import read_file, template, write_file
from archbench.commands.init_ci.records import InitCI, ProjectFile
from archbench.commands.init_ci.workflow import workflow_for
from archbench.errors import ArchbenchError
from archbench.gates.structure.configuration import OWN, SHARED
from archbench.gates.structure.lock_file import to_text
from archbench.gates.structure.locking import next_lock
from archbench.gates.structure.records import GateCell
from archbench.gates.structure.run import Tell, locked_cells
from archbench.gates.structure.selection import (
    Selection,
    from_root,
    select_cells,
    sizes_from_root,
)
from archbench.networks.names import LOCK

EXAMPLE = "resnet18"  # where nothing is named or declared: something to look at, and to replace
PROJECT = SHARED, "setup.py", "requirements.txt"  # one of them makes a folder a project
SUITE = Path("benchmarks/test_archbench.py")


def init_ci(
    models: Sequence[str],
    github: bool,
    input_size: Sequence[str],
    model_kwargs: Mapping[str, Any],
    requirement: str,
    tell: Tell,
) -> InitCI:
    """Write what is not there yet; what is there stays as it is.

    Cells that are declared already, or locked, are kept; models that are named become cells behind
    them.

    Args:
        models: MODEL strings.
        github: a workflow, too.
        input_size: of those models, without the batch; empty: the architecture's own.
        model_kwargs: arguments of their builders.
        requirement: what the workflow installs archbench from; empty: where the running one came
            from.
        tell: is told what share of the cells is computed.

    Raises:
        ArchbenchError: a model is not known, a file cannot be read, or it is not known where CI can
            install archbench from.
        UserCodeError: a model's own code raised.
        OutputRefused: a file cannot be written.
    """
    selection = select_cells()
    top = repository_of(Path.cwd())
    held = selection.project.source or selection.lock
    root = selection.project.root if held else _project(Path.cwd(), top)
    top = top if root.is_relative_to(top) else root
    workflow = workflow_for(root, top, requirement) if github else None
    names = dict.fromkeys(from_root(model, root) for model in models)
    sizes = sizes_from_root(input_size, root)
    asked = [GateCell(n, n, sizes, model_kwargs=model_kwargs) for n in names]
    cells, declared = _cells(selection, root, asked)
    suite = template("test_archbench.py.txt")
    wanted = [declared, _lock(root, cells, tell), _project_file(root, SUITE, suite)]
    wanted = [replace(one, path=Path(relpath(root / one.path, top))) for one in wanted]
    if workflow:
        wanted.append(_project_file(top, workflow.path, workflow.text))
    for one in wanted:
        write_file(top, one)
    locked = {cell.name for cell in selection.lock.cells} if selection.lock else set()
    unlocked = [cell.name for cell in cells if selection.lock and cell.name not in locked]
    return InitCI(tuple(wanted), tuple(unlocked), workflow)


def _project(here: Path, top: Path) -> Path:
    """Return the nearest folder that is a Python project, up to the repository's root."""
    folders = [here, *here.parents]
    inside = folders[: folders.index(top) + 1]
    return next((f for f in inside if any((f / name).is_file() for name in PROJECT)), top)


def _cells(
    selection: Selection, root: Path, asked: Sequence[GateCell]
) -> tuple[list[GateCell], ProjectFile]:
    """Return the cells, and the file that declares them, with those that it does not yet."""
    # a new pyproject.toml would change how pip builds what setup.py describes
    new = root / (SHARED if (root / SHARED).is_file() else OWN)
    path = selection.project.source or new
    known = {word for cell in selection.cells for word in (cell.name, cell.model)}
    if not selection.cells and not asked:
        asked = [GateCell(EXAMPLE, EXAMPLE)]
    for cell in asked:
        same = [one for one in selection.cells if cell.model in (one.name, one.model)]
        if same and not any(_agrees(cell, one) for one in same):
            raise ArchbenchError(
                f"'{cell.model}' is a cell already, with another size or other arguments",
                f"they stand where it is declared, in '{path.name}'",
            )
    added = [cell for cell in asked if cell.model not in known]
    locked_only = list(selection.cells) if selection.project.source is None else []
    before = read_file(path)
    table = "cells" if path.name == OWN else "tool.archbench.cells"
    wanted = _joined(before or "", [*locked_only, *added], table)
    try:
        tomllib.loads(wanted)
    except tomllib.TOMLDecodeError as error:
        raise ArchbenchError(
            f"cells cannot be added to '{path.name}': {error}",
            f"write each cell that it holds as [[{table}]]",
        ) from error
    return [*selection.cells, *added], ProjectFile(Path(relpath(path, root)), before, wanted)


def _agrees(asked: GateCell, declared: GateCell) -> bool:
    """Tell whether a declared cell has the size and the arguments that are asked for, if any."""
    size = asked.input_size in ((), declared.input_size)
    return size and asked.model_kwargs in ({}, declared.model_kwargs)


def _joined(held: str, cells: Sequence[GateCell], table: str) -> str:
    """Return what a file holds, with a table for each cell behind it, in its own line ends."""
    if not cells:
        return held
    end = "\r\n" if "\r\n" in held else "\n"
    gap = "" if not held else end if held.endswith("\n") else 2 * end
    return held + gap + "\n".join(_declaration(c, table) for c in cells).replace("\n", end)


def _declaration(cell: GateCell, table: str) -> str:
    """Write a cell in TOML, whose strings and numbers are JSON's."""
    lines = [f"[[{table}]]"]
    if cell.name != cell.model:
        lines.append(f"name = {_value(cell.name)}")
    lines.append(f"model = {_value(cell.model)}")
    if cell.input_size:
        size = cell.input_size[0] if len(cell.input_size) == 1 else list(cell.input_size)
        lines.append(f"input_size = {_value(size)}")
    if cell.batch_size != 1:
        lines.append(f"batch_size = {cell.batch_size}")
    if cell.model_kwargs:
        pairs = (f"{_value(key)} = {_value(value)}" for key, value in cell.model_kwargs.items())
        lines.append(f"model_kwargs = {{ {', '.join(pairs)} }}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lock(root: Path, cells: Sequence[GateCell], tell: Tell) -> ProjectFile:
    """Return the first lock; one that is there stays, for `archbench lock` to go on with."""
    before = read_file(root / LOCK)
    locked = locked_cells(cells, root, tell)  # with a lock too: what is declared has to run
    if before is not None:
        return ProjectFile(Path(LOCK), before, before)
    made = next_lock(None, CONVENTION_NUMBER, locked, True, "", False)
    return ProjectFile(Path(LOCK), None, to_text(made.lock))


def _project_file(root: Path, path: Path, wanted: str) -> ProjectFile:
    return ProjectFile(path, read_file(root / path), wanted)
