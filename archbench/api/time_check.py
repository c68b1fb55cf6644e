"""`check --time`: head by its base commit, or a model by another, through the time gate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from archbench.api.cells import Ways, check
from archbench.api.launcher import Launcher, Listener, launching
from archbench.api.time_gate import CONTROL, Arms, Measure, control_of
from archbench.api.trees import trees
from archbench.errors import ArchbenchError
from archbench.gate.configuration import Project, find_project
from archbench.records.cells import Cell
from archbench.records.gates import GateCell, Verdict
from archbench.records.pairs import Pair
from archbench.records.sessions import Session

THREADS = 1  # two threads on two cores lose all that one neighbour takes of one
PATIENCE_S = 60.0  # for one pair
MEASURE_S = 1.5  # of two models in one process, after warming up


@contextmanager
def commits(
    cells: Sequence[GateCell],
    reference: str,
    project: Project,
    setup: str,
    ways: Ways,
    whole: bool = False,
) -> Iterator[Arms]:
    """Lend base and head of a git repository, each in its tree.

    Args:
        cells: as head declares them.
        reference: the commit that is base.
        project: of head.
        setup: a command that each tree needs.
        ways: how the cells run.
        whole: the cells are all that head has: what only base declares is missing.

    Raises:
        ArchbenchError: there is no such commit, or it cannot be set up.
    """
    from archbench.measure.pairing import Sides, run_pair

    with trees(reference, project.root, setup) as both:
        before, after = _declared(both.base, project), {c.name: c for c in project.cells}
        known = [
            Verdict(name, "time", "missing", note="base declares it, head does not")
            for name in before
            if whole and name not in after
        ]
        measure: dict[str, Measure] = {}
        for cell in cells:
            own = as_base_declares(cell, after.get(cell.name), before.get(cell.name))
            if (own.input_size, own.batch_size) != (cell.input_size, cell.batch_size):
                note = f"base declares it with {_inputs(own)}, head with {_inputs(cell)}"
                known.append(Verdict(cell.name, "time", "not_comparable", note=note))
                continue
            base = measured_cell(own, ways), both.base
            pair = Sides(base, (measured_cell(cell, ways), both.head))
            measure[cell.name] = partial(run_pair, sides=pair, limit_s=PATIENCE_S)
            if CONTROL not in measure:
                alike = partial(run_pair, sides=Sides(base, base), limit_s=PATIENCE_S)
                measure[CONTROL] = control_of(alike)
        head = "this tree" if both.head_commit is None else both.head_commit[:10]
        changed = " and changes" if both.dirty else ""
        yield Arms(both.base_commit[:10], f"{head}{changed}", measure, tuple(known))


def _declared(base: Path, project: Project) -> dict[str, GateCell]:
    """Read what base declares; nothing where it has no such file yet, or one that is broken."""
    if project.source is None or not (base / project.source.name).is_file():
        return {}
    try:
        found = find_project(base, base / project.source.name)
    except ArchbenchError:
        return {}
    return {cell.name: cell for cell in found.cells}


def as_base_declares(cell: GateCell, after: GateCell | None, before: GateCell | None) -> GateCell:
    """Return what a cell was in base: its model may have had another place or other arguments.

    Args:
        cell: to be timed; what the command line sets of it holds for base as well.
        after: as head declares it.
        before: as base does.
    """
    if after is None or before is None:
        return cell
    own = {
        name: getattr(before, name)
        for name in ("model", "model_kwargs", "input_size", "batch_size")
        if getattr(cell, name) == getattr(after, name)
    }
    return replace(cell, **own)


def _inputs(cell: GateCell) -> str:
    return f"batch size {cell.batch_size} of {', '.join(cell.input_size) or 'its own size'}"


@contextmanager
def models(
    cells: Sequence[GateCell], against: GateCell, ways: Ways, listener: Listener
) -> Iterator[Arms]:
    """Lend a model and others, both in one process, call by call."""
    base = measured_cell(against, ways)
    with launching(listener.heard) as launcher:
        measure: dict[str, Measure] = {}
        for cell in cells:
            both = (base, measured_cell(cell, ways))
            measure[cell.name] = partial(in_one_process, cells=both, launcher=launcher)
        alike = (base, base)
        measure[CONTROL] = control_of(partial(in_one_process, cells=alike, launcher=launcher))
        yield Arms(against.model, ", ".join(cell.model for cell in cells), measure)


def measured_cell(cell: GateCell, ways: Ways) -> Cell:
    """Return how a declared cell is run to be timed.

    Raises:
        ArchbenchError: a word of the ways is not known, or there is no such device here.
    """
    check(ways)
    device = ways.device
    if device != "cpu":  # to look for another one takes torch
        from archbench.models.device import check_device

        device = str(check_device(device))
    return Cell(
        cell.model,
        cell.model_kwargs,
        cell.input_size,
        batch_size=cell.batch_size,
        device=device,
        precision=ways.precisions[0],  # type: ignore[arg-type]  # checked above
        channels_last=ways.channels_last,
        mode=ways.modes[0],  # type: ignore[arg-type]  # likewise
        optimizer=ways.optimizer,  # type: ignore[arg-type]  # likewise
        threads=ways.threads or THREADS,
    )


def in_one_process(pair: Pair, cells: tuple[Cell, Cell], launcher: Launcher) -> Pair:
    """Measure a pair as one session in which both models take turns, call by call."""
    from archbench.measure.jobs import Job

    order = (0, 1) if pair.first == "base" else (1, 0)
    job = Job(cells, pair.number, pair.seed, order=order, measure_s=MEASURE_S, limit_s=PATIENCE_S)
    return pair_of(pair, launcher(job))


def pair_of(pair: Pair, session: Session) -> Pair:
    """Take a session of two models for a pair: each call is a slice."""
    filled = replace(
        pair,
        settled=session.settled,
        flags=session.flags,
        load=session.load,
        started_s=session.started_s,
        wall_s=session.wall_s,
        environment=session.environment,
    )
    if session.failure is not None:
        return replace(filled, failure=session.failure, failed="head")
    base, head = (tuple((time,) for time in times) for times in session.times_ns)
    return replace(filled, base=base, head=head)
