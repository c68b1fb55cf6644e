"""The lock as a file: JSON with a line for each cell, sorted, so that a diff of it reads well.

The layers, which are many, stand below the cells, a line for each stage; equal blocks of them stand
once (gates/structure/folding.py).
"""

import json
from ast import literal_eval
from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from archbench.analysis.records import LayerCost, StageCost
from archbench.errors import ArchbenchError, why_refused
from archbench.gates.structure.locks import Lock, LockedCell, Structure
from archbench.gates.structure.records import METRICS
from archbench.gates.structure.repeated_blocks import fold, unfold
from archbench.networks.names import LOCK
from archbench.units import Shape, shape_for_machines

SCHEMA = 1
PYTHON = "python"  # the one key of an argument that is kept as Python writes it
_FIGURES = tuple(metric for metric in METRICS if metric != "operators")


class BrokenLock(ArchbenchError):
    """A file that should be a lock, and is none that can be read."""


def to_text(lock: Lock) -> str:
    """Write a lock; the same lock always gives the same text."""
    cells = sorted(lock.cells, key=lambda cell: cell.name)
    layers = [line for cell in cells for line in _layer_lines(cell)]
    removed = [{"name": name, "reason": reason} for name, reason in sorted(lock.removed)]
    lines = [
        "{",
        f'"schema": "archbench.lock/{SCHEMA}",',
        f'"convention": {lock.convention},',
        f'"cells": [{_lines(_cell(cell) for cell in cells)}],',
        f'"layers": [{_lines(layers)}],',
        f'"removed": [{_lines(removed)}]',
        "}",
    ]
    return "\n".join(lines) + "\n"


def locks_below(folder: Path) -> list[Path]:
    """Return the folders with a lock, at most three levels below a folder, hidden ones left out.

    They are relative to the folder, sorted.
    """
    found = (
        path.parent.relative_to(folder) for n in (1, 2, 3) for path in folder.glob(n * "*/" + LOCK)
    )
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None where there is no such file.

    Raises:
        BrokenLock: the file cannot be read, is no lock, or was written by a newer archbench.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenLock(
            f"'{path}' cannot be read: {why_refused(error)}", "--lock names another file"
        ) from error
    restore = "name a file that `archbench lock` wrote, or a new one"
    if path.name == LOCK:  # nobody's own work, which this would throw away
        restore = (
            f"`git checkout -- {quote(str(path))}` brings back the last one that was committed"
        )
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        if any(line.startswith("<<<<<<< ") for line in text.split("\n")):
            raise BrokenLock(
                f"'{path}' holds both sides of a merge conflict",
                f"take one with `git checkout --ours -- {quote(str(path))}`, then `archbench lock "
                '--update --reason "..."`',
            ) from error
        raise BrokenLock(
            f"'{path}' is not a lock: line {error.lineno} is cut off or not JSON", restore
        ) from error
    except (RecursionError, ValueError) as error:  # endless brackets, endless digits
        raise BrokenLock(f"'{path}' is not a lock", restore) from error
    try:
        _check_schema(path, document)
        return _read(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BrokenLock(f"'{path}' is not a lock: {why}", restore) from error


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write a row a line, and null behind the last: to add a row changes no other line."""
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
    return "".join(f"\n{line}," for line in lines) + "\nnull\n"


def _cell(cell: LockedCell) -> dict[str, Any]:
    structure = cell.structure
    return {
        "name": cell.name,
        "model": cell.model,
        "inputs": list(cell.inputs),
        "batch_size": cell.batch_size,
        "model_kwargs": {name: kept(value) for name, value in cell.model_kwargs.items()},
        **{metric: structure.figure(metric) for metric in _FIGURES},
        "operators": dict(sorted(structure.operators.items())),
        "stages": [
            {
                "name": stage.name,
                "output_shape": shape_for_machines(stage.output_shape),
                "params": stage.params,
                "macs": stage.macs,
                "activations": stage.activations,
            }
            for stage in structure.stages
        ],
        "torch": structure.torch,
        "reason": cell.reason,
    }


def _layer_lines(cell: LockedCell) -> list[dict[str, Any]]:
    """Write the layers stage by stage, in the order in which they first ran."""
    stages: dict[str, list[tuple[str, Any]]] = {}
    for layer in cell.structure.layers:
        shape = shape_for_machines(layer.output_shape)
        counts = [layer.params, layer.macs, layer.activations, layer.calls]
        counts += [layer.trainable_params, layer.buffers]
        row = (layer.path, [layer.type, shape, *counts])
        stages.setdefault(layer.path.partition(".")[0], []).append(row)
    return [
        {"cell": cell.name, "stage": stage, "layers": dict(fold(rows))}
        for stage, rows in stages.items()
    ]


def _check_schema(path: Path, document: Any) -> None:
    if not isinstance(document, dict) or "schema" not in document:
        raise ValueError("it has no schema")
    kind, _, number = str(document["schema"]).partition("/")
    if kind != "archbench.lock" or not number.isdecimal() or number == "0":
        raise ValueError(f"its schema is '{document['schema']}'")
    if int(number) > SCHEMA:
        raise BrokenLock(
            f"'{path}' has schema {number}, and this archbench reads up to {SCHEMA}",
            "it was written by a newer archbench: install that one here too",
        )


def _read(document: Mapping[str, Any]) -> Lock:
    layers: dict[str, list[LayerCost]] = {}
    stages: set[tuple[str, str]] = set()
    for line in _rows(document["layers"]):
        if (line["cell"], line["stage"]) in stages:
            raise ValueError(f"it has stage '{line['stage']}' of '{line['cell']}' twice")
        stages.add((line["cell"], line["stage"]))
        rows = unfold(list(line["layers"].items()))
        layers.setdefault(line["cell"], []).extend(_layer(path, row) for path, row in rows)
    cells = tuple(_read_cell(row, layers.get(row["name"], [])) for row in _rows(document["cells"]))
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"it has two cells '{name}'")
    removed = tuple((row["name"], row["reason"]) for row in _rows(document["removed"]))
    return Lock(_whole(document["convention"]), cells, removed)


def _rows(listed: list[Any]) -> list[Any]:
    """Take the null off that ends every list."""
    return [row for row in listed if row is not None]


def _read_cell(row: Mapping[str, Any], layers: list[LayerCost]) -> LockedCell:
    figures: dict[str, Any] = {}
    for metric in _FIGURES:
        unknown = row[metric] is None and metric.endswith("_bytes")
        figures[metric] = None if unknown else _whole(row[metric])
    structure = Structure(
        **figures,
        operators={str(op): _whole(calls) for op, calls in row["operators"].items()},
        stages=tuple(_stage(stage) for stage in row["stages"]),
        layers=tuple(layers),
        torch=str(row["torch"]),
    )
    return LockedCell(
        str(row["name"]),
        str(row["model"]),
        _texts(row["inputs"]),
        _whole(row["batch_size"]),
        {name: _given(value) for name, value in row["model_kwargs"].items()},
        structure,
        str(row["reason"]),
    )


def _stage(row: Mapping[str, Any]) -> StageCost:
    return StageCost(
        row["name"],
        _shape(row["output_shape"]),
        _whole(row["params"]),
        _whole(row["macs"]),
        _whole(row["activations"]),
        depth=None,
    )


def _layer(path: str, row: list[Any]) -> LayerCost:
    kind, shape, *counts = row
    params, macs, activations, calls, trainable, buffers = map(_whole, counts)
    return LayerCost(
        *(path, str(kind), _shape(shape)),
        *(params, macs, activations, calls, trainable, buffers),
    )


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{json.dumps(value)} is not a whole number")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{json.dumps(value)} is not a list of input sizes")
    return tuple(value)


def kept(value: Any) -> Any:
    """Write an argument as JSON, or as Python where JSON would give another one back.

    Raises:
        ValueError, SyntaxError: it has no form that can be read again.
    """
    if json.loads(json.dumps(value, default=repr, allow_nan=False)) == value:
        return value
    if literal_eval(repr(value)) != value:
        raise ValueError(f"{value!r} cannot be kept in a lock")
    return {PYTHON: repr(value)}


def _given(value: Any) -> Any:
    if isinstance(value, dict) and list(value) == [PYTHON]:
        return literal_eval(value[PYTHON])
    return value


def _shape(text: str | None) -> Shape | None:
    if text is None:
        return None
    return tuple(int(number) for number in text.split("x")) if text else ()
