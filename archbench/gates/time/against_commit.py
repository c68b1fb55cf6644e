"""`check --time --base REF`: head against its base commit, each side in its own tree."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.records import Verdict
from archbench.gates.structure.configuration import Project, find_project
from archbench.gates.structure.records import GateCell
from archbench.gates.time.cells import cell_of
from archbench.gates.time.comparison import (
    CONTROL,
    Comparison,
    Measure,
    control_of,
    without_sources,
)
from archbench.gates.time.trees import Trees, trees
from archbench.networks.model_settings import settings_of
from archbench.timing.sessions.job_runner import Listener
from archbench.timing.sessions.model_cells import Ways


@contextmanager
def commit_comparison(
    cells: Sequence[GateCell],
    reference: str,
    project: Project,
    setup: str,
    ways: Ways,
    whole: bool,
    listener: Listener,
) -> Iterator[Comparison]:
    """Yield the comparison of the present tree, head, with a commit; remove the commit's tree.

    `setup` is a shell command that each tree needs, or empty. `whole` says that the cells are all
    that head has, so cells that only base declares are missing.

    Raises:
        ArchbenchError: there is no such commit, or its tree cannot be set up.
    """
    from archbench.gates.time.pairing import Sides, run_pair

    with trees(reference, project.root, setup) as both:
        base_cells = cells_of_base(both.base, project, listener)
        head_cells = {cell.name: cell for cell in project.cells}
        verdicts = [
            Verdict(name, "time", "missing", note="base declares it, head does not")
            for name in base_cells
            if whole and name not in head_cells
        ]
        measure: dict[str, Measure] = {}
        controls: list[Measure] = []
        for cell in cells:
            base_cell = cell_in_base(cell, head_cells.get(cell.name), base_cells.get(cell.name))
            verdict = _unmeasurable(base_cell, cell, both)
            if verdict is not None:
                verdicts.append(verdict)
                continue
            base, head = (cell_of(base_cell, ways), both.base), (cell_of(cell, ways), both.head)
            measure[cell.name] = partial(run_pair, sides=Sides(base, head, both.repositories))
            if (base_cell.model, base_cell.model_kwargs) != (cell.model, cell.model_kwargs):
                measure[cell.name] = without_sources(measure[cell.name])
            controls.append(partial(run_pair, sides=Sides(base, base)))
        if controls:
            measure[CONTROL] = control_of(controls)
        yield Comparison(both.base_commit[:10], _head(both), measure, tuple(verdicts))


def cells_of_base(base: Path, project: Project, listener: Listener) -> dict[str, GateCell]:
    """Return the cells that base declares; none where it has no configuration or a broken one."""
    if project.source is None or not base.is_dir():
        return {}
    source = base / project.source.name
    try:
        declared = find_project(base, source if source.is_file() else None)
    except ArchbenchError as error:
        listener.warn(f"base: {error.message}; its cells are taken for declared as head's")
        return {}
    return {cell.name: cell for cell in declared.cells}


def cell_in_base(cell: GateCell, head: GateCell | None, base: GateCell | None) -> GateCell:
    """Return the cell as base runs it: its model may have another place or other arguments there.

    What the command line changes of the cell holds for base as well. `head` and `base` are the
    cell as each side declares it; None where a side does not.
    """
    if head is None or base is None:
        return cell
    unchanged = {
        name: getattr(base, name)
        for name in ("model", "model_kwargs", "input_size", "batch_size")
        if getattr(cell, name) == getattr(head, name)
    }
    return replace(cell, **unchanged)


def _unmeasurable(base: GateCell, head: GateCell, both: Trees) -> Verdict | None:
    """Return the verdict on a cell that cannot be compared; None where it can be."""
    if not both.base.is_dir():
        note = f"base has no folder '{both.base.relative_to(both.repositories[0])}'"
        return Verdict(head.name, "time", "new", note=note)
    if _inputs(base) != _inputs(head):
        note = f"base declares it with {_inputs(base)}, head with {_inputs(head)}"
        return Verdict(head.name, "time", "not_comparable", note=note)
    return None


def _inputs(cell: GateCell) -> str:
    own = settings_of(cell.model).ways
    size = own.input_size or cell.input_size
    return f"batch size {own.batch_size or cell.batch_size} of {', '.join(size) or 'its own size'}"


def _head(both: Trees) -> str:
    commit = "this tree" if both.head_commit is None else both.head_commit[:10]
    return f"{commit} and changes" if both.dirty else commit
