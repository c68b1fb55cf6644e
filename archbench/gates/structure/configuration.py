"""The cells that a project declares: [[cells]] of archbench.toml, or of pyproject.toml."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from pathlib import Path
from typing import Any

from archbench.errors import ArchbenchError, nearest, why_refused
from archbench.gates.structure.budgets import parse_budget
from archbench.gates.structure.records import GateCell
from archbench.networks.model_settings import refuse_broken_settings, settings_of
from archbench.networks.names import (
    LOCK,
    is_pattern,
    names_file,
    names_function,
    parts_of,
    portable,
)
from archbench.networks.registry import find, select

OWN, SHARED = "archbench.toml", "pyproject.toml"
KEYS = ("name", "model", "input_size", "batch_size", "model_kwargs", "budgets")
HOW = 'a cell is [[cells]] with model = "resnet50", or [[tool.archbench.cells]] in pyproject.toml'


@dataclass(frozen=True, slots=True)
class Project:
    """Where a project's cells are declared."""

    root: Path  #: the folder that relative paths of models start from
    cells: tuple[GateCell, ...] = ()  #: in the order in which they are declared
    source: Path | None = None  #: the file that declares them; None where there is none


def find_project(start: Path, config: Path | None = None) -> Project:
    """Return the project of `config`, or of the nearest configuration from `start` upwards.

    The search ends at the repository's root.

    Raises:
        ArchbenchError: the file cannot be read, or a table in it is no cell.
    """
    if config is not None:
        if not config.is_file():
            raise ArchbenchError(f"there is no file '{config}'", HOW)
        return Project(config.resolve().parent, _cells_of(config) or (), config)
    start = start.resolve()
    for folder in (start, *start.parents):
        for name in (OWN, SHARED):
            path = folder / name
            cells = _cells_of(path) if path.is_file() else None
            if cells is not None:
                return Project(folder, cells, path)
        if (folder / LOCK).is_file():
            return Project(folder)
        if (folder / ".git").exists():
            break
    return Project(start)


def _cells_of(path: Path) -> tuple[GateCell, ...] | None:
    """Return the cells that a file declares; None where it is a pyproject.toml without any."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ArchbenchError(f"'{path}' cannot be read: {why_refused(error)}", HOW) from error
    except tomllib.TOMLDecodeError as error:
        reason = str(error)[:1].lower() + str(error)[1:]
        raise ArchbenchError(f"'{path}' is not TOML: {reason}", HOW) from error
    if path.name == SHARED:
        tool = document.get("tool", {})
        document = tool.get("archbench", {}) if isinstance(tool, Mapping) else {}
    if "cells" not in document and path.name == SHARED:
        return None
    _refuse_unknown(document, ("cells",), f"'{path}'")
    rows = document.get("cells", [])
    if not isinstance(rows, list):
        raise ArchbenchError(f"cells of '{path}' is not a list of tables", HOW)
    cells = [cell for i, row in enumerate(rows, 1) for cell in _read_table(row, i, path)]
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ArchbenchError(f"'{path}' declares two cells '{name}'", "give one another name")
    return tuple(cells)


def _read_table(row: Any, number: int, path: Path) -> Sequence[GateCell]:
    """Return the cell of a table; where its model is a pattern, a cell for each network."""
    where = f"cell {number} of '{path}'"
    if not isinstance(row, Mapping):
        raise ArchbenchError(f"{where} is not a table", HOW)
    _refuse_unknown(row, KEYS, where)
    model = row.get("model")
    if not isinstance(model, str) or not model:
        raise ArchbenchError(f"{where} has no model", HOW)
    model = portable(model)
    name = row.get("name", model)
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ArchbenchError(f"the name of {where} is not a line of text", 'name = "small"')
    where = f"cell '{name}' of '{path}'"
    cell = _cell(name, model, row, where)
    if is_pattern(model):
        return [replace(cell, name=each, model=each) for each in _matches(model, row, where)]
    bare = _bare_name(model, where)
    if parts_of(bare) is None and not names_file(bare):
        find(bare)  # refuses a misspelt architecture
    return [cell]


def _bare_name(model: str, where: str) -> str:
    """Return a MODEL without its settings.

    Raises:
        ArchbenchError: the settings cannot be read.
    """
    try:
        return settings_of(model).name
    except ArchbenchError as error:
        raise ArchbenchError(f"{error.message}, the model of {where}", error.hint) from error


def _cell(name: str, model: str, row: Mapping[str, Any], where: str) -> GateCell:
    """Return a cell with the size, batch, arguments and budgets of its table."""
    batch = row.get("batch_size", 1)
    kwargs, budgets = row.get("model_kwargs", {}), row.get("budgets", {})
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ArchbenchError(f"batch_size of {where} is not a positive number", "batch_size = 8")
    if not isinstance(kwargs, Mapping) or not isinstance(budgets, Mapping):
        what = "budgets" if isinstance(kwargs, Mapping) else "model_kwargs"
        raise ArchbenchError(f"{what} of {where} is not a table", f"{what} = {{ ... }}")
    if _holds_dates(kwargs):
        raise ArchbenchError(f"model_kwargs of {where} hold a date", "write it as a text")
    size = size_texts(row.get("input_size"), where)
    try:
        limits = tuple(parse_budget(metric, text) for metric, text in budgets.items())
    except ArchbenchError as error:
        raise ArchbenchError(f"{error.message}, in {where}", error.hint) from error
    return GateCell(name, model, size, batch, dict(kwargs), limits)


def _matches(pattern: str, row: Mapping[str, Any], where: str) -> list[str]:
    """Return the names of the architectures that match a model's pattern."""
    names = [architecture.name for architecture in select(pattern)]
    if not names:
        refuse_broken_settings(pattern)
        raise ArchbenchError(
            f"no architecture matches '{pattern}', the model of {where}",
            "`archbench list` names them all",
        )
    if "name" in row:
        raise ArchbenchError(
            f"{where} stands for {len(names)} networks and cannot have one name", "leave it out"
        )
    return names


def size_texts(size: Any, where: str) -> tuple[str, ...]:
    """Return a text for each input, from 224, "3x224x224", [3, 224, 224] or a list of such sizes.

    A text may name a function that returns all inputs, "net.py:inputs".

    Raises:
        ArchbenchError: it is no size; `where` says whose it is.

    >>> size_texts([3, 224, 224], "a"), size_texts(["ids:int64:5", [3, 8, 8]], "a")
    (('3x224x224',), ('ids:int64:5', '3x8x8'))
    """
    if size is None:
        return ()
    single = _size_text(size)
    several = size if isinstance(size, list | tuple) else ()
    texts = [_size_text(one) for one in several] if single is None else [single]
    if not texts or None in texts:
        raise ArchbenchError(f"input_size of {where} is not a size", 'input_size = "3x224x224"')
    return tuple(text for text in texts if text is not None)


def _size_text(size: Any) -> str | None:
    """Return the text of the size of one input; None for what is no size."""
    if isinstance(size, str):
        return portable(size) if names_function(size) else size
    numbers = size if isinstance(size, list | tuple) else [size]
    if numbers and all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        return "x".join(map(str, numbers))
    return None


def _holds_dates(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_dates(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_dates(inner) for inner in value)
    return isinstance(value, date | time)


def _refuse_unknown(row: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in row:
        if key not in keys:
            raise ArchbenchError(
                f"{where} has an unknown key '{key}'",
                f"{nearest(key, keys)}there are {', '.join(keys)}",
            )
