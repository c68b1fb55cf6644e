"""The rows of a lock file, typed; a lock becomes a document of them, and the other way round.

A cell is one row. The layers, which are many, stand below the cells, a row for each stage; equal
blocks of them stand once (gates/structure/repeated_blocks.py). The last row of every list is null.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from archbench.analysis.records import LayerCost, StageCost
from archbench.gates.structure.arguments import argument_from_json, argument_to_json
from archbench.gates.structure.locks import Lock, LockedCell, Structure
from archbench.gates.structure.records import METRICS
from archbench.gates.structure.repeated_blocks import fold, unfold
from archbench.record import Record
from archbench.units import Shape, shape_for_machines

Count = Annotated[int, Meta(ge=0)]
ShapeText = Annotated[str, Meta(pattern="^([0-9]+(x[0-9]+)*)?$")]  # 64x112x112; empty for a scalar
FIGURES = tuple(metric for metric in METRICS if metric != "operators")  # a key of a cell each


@dataclass(frozen=True, slots=True)
class StageRow(Record):
    """A stage, inside the row of its cell."""

    name: str
    output_shape: ShapeText | None
    params: Count
    macs: Count
    activations: Count


@dataclass(frozen=True, slots=True)
class CellRow(Record):
    """A cell without its layers."""

    OMITTED = ("complete", "tensors")

    name: str
    model: str
    inputs: tuple[str, ...]
    batch_size: Count
    model_kwargs: Mapping[str, Any]
    params: Count
    trainable_params: Count
    buffers: Count
    macs: Count
    activations: Count
    weight_bytes: Count | None
    peak_activation_bytes: Count | None
    operators: Mapping[str, Count]
    stages: tuple[StageRow, ...]
    torch: str
    reason: str
    complete: bool = True
    tensors: tuple[str, ...] = ()


class LayerRow(NamedTuple):
    """A layer, which JSON writes as an array."""

    type: str
    output_shape: ShapeText | None
    params: Count
    macs: Count
    activations: Count
    calls: Count
    trainable_params: Count
    buffers: Count


@dataclass(frozen=True, slots=True)
class LayersRow(Record):
    """The layers of one stage of a cell, in the order in which they first ran."""

    cell: str
    stage: str
    layers: Mapping[str, LayerRow]  #: by their paths


@dataclass(frozen=True, slots=True)
class RemovedRow(Record):
    """A cell that was taken out."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LockDocument(Record):
    """A lock file, without its schema."""

    convention: Count
    cells: tuple[CellRow | None, ...]
    layers: tuple[LayersRow | None, ...]
    removed: tuple[RemovedRow | None, ...]


def document_of(lock: Lock) -> LockDocument:
    """Return a lock as rows, sorted by the names of the cells."""
    cells = sorted(lock.cells, key=lambda cell: cell.name)
    return LockDocument(
        lock.convention,
        (*map(_cell_row, cells), None),
        (*(row for cell in cells for row in _layers_rows(cell)), None),
        (*(RemovedRow(name, reason) for name, reason in sorted(lock.removed)), None),
    )


def lock_of(document: LockDocument) -> Lock:
    """Return the lock that rows stand for.

    Raises:
        ValueError: two rows are of one cell or of one stage, or a value cannot be understood.
    """
    layers = _layers_by_cell([row for row in document.layers if row is not None])
    cells = tuple(_cell(row, layers.get(row.name, [])) for row in document.cells if row is not None)
    for name, count in Counter(cell.name for cell in cells).items():
        if count > 1:
            raise ValueError(f"it has two cells '{name}'")
    removed = tuple((row.name, row.reason) for row in document.removed if row is not None)
    return Lock(document.convention, cells, removed)


def _cell_row(cell: LockedCell) -> CellRow:
    structure = cell.structure
    return CellRow(
        name=cell.name,
        model=cell.model,
        inputs=cell.inputs,
        batch_size=cell.batch_size,
        model_kwargs={name: argument_to_json(value) for name, value in cell.model_kwargs.items()},
        **{metric: getattr(structure, metric) for metric in FIGURES},
        operators=dict(sorted(structure.operators.items())),
        stages=tuple(
            StageRow(s.name, shape_for_machines(s.output_shape), s.params, s.macs, s.activations)
            for s in structure.stages
        ),
        torch=structure.torch,
        reason=cell.reason,
        complete=structure.complete,
        tensors=cell.tensors,
    )


def _cell(row: CellRow, layers: list[LayerCost]) -> LockedCell:
    structure = Structure(
        **{metric: getattr(row, metric) for metric in FIGURES},
        operators=row.operators,
        stages=tuple(
            StageCost(s.name, _shape(s.output_shape), s.params, s.macs, s.activations, depth=None)
            for s in row.stages
        ),
        layers=tuple(layers),
        torch=row.torch,
        complete=row.complete,
    )
    arguments = {name: argument_from_json(value) for name, value in row.model_kwargs.items()}
    setting = row.model, row.inputs, row.batch_size, arguments
    return LockedCell(row.name, *setting, structure, row.reason, row.tensors)


def _layers_rows(cell: LockedCell) -> Iterator[LayersRow]:
    """Yield a row for each stage, in the order in which they first ran."""
    stages: dict[str, list[tuple[str, LayerRow]]] = {}
    for layer in cell.structure.layers:
        row = LayerRow(
            layer.type,
            shape_for_machines(layer.output_shape),
            *(layer.params, layer.macs, layer.activations, layer.calls),
            *(layer.trainable_params, layer.buffers),
        )
        stages.setdefault(layer.path.partition(".")[0], []).append((layer.path, row))
    for stage, rows in stages.items():
        yield LayersRow(cell.name, stage, dict(fold(rows)))


def _layers_by_cell(rows: Iterable[LayersRow]) -> dict[str, list[LayerCost]]:
    """Return each cell's layers, stage by stage.

    Raises:
        ValueError: two rows are of one stage.
    """
    layers: dict[str, list[LayerCost]] = {}
    stages: set[tuple[str, str]] = set()
    for row in rows:
        if (row.cell, row.stage) in stages:
            raise ValueError(f"it has stage '{row.stage}' of '{row.cell}' twice")
        stages.add((row.cell, row.stage))
        layers.setdefault(row.cell, []).extend(_layers(row))
    return layers


def _layers(row: LayersRow) -> Iterator[LayerCost]:
    """Yield the layers of a row, every block written out."""
    folded = [
        (path, (layer.type, _shape(layer.output_shape), *layer[2:]))
        for path, layer in row.layers.items()
    ]
    for path, layer in unfold(folded):
        yield LayerCost(path, *layer)


def _shape(text: str | None) -> Shape | None:
    if text is None:
        return None
    return tuple(int(number) for number in text.split("x")) if text else ()
