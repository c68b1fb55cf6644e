"""`check --time`: head by its base commit, or a model by another, through the time gate."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from archbench.api.cells import Ways, check
from archbench.api.launcher import Launcher, Listener, launching
from archbench.api.time_gate import CONTROL, Measure, control_of
from archbench.api.trees import trees
from archbench.records.cells import Cell
from archbench.records.gates import GateCell
from archbench.records.pairs import Pair
from archbench.records.sessions import Session

THREADS = 1  # two threads on two cores lose all that one neighbour takes of one
PATIENCE_S = 60.0  # for one pair
MEASURE_S = 1.5  # of two models in one process, after warming up


@dataclass(frozen=True, slots=True)
class Arms:
    """Two sides to be measured against each other.

    Args:
        base: what it is, for people.
        head: likewise.
        measure: for each cell, and for the control, what measures a pair of it.
    """

    base: str
    head: str
    measure: Mapping[str, Measure]


@contextmanager
def commits(
    cells: Sequence[GateCell], reference: str, root: Path, setup: str, ways: Ways
) -> Iterator[Arms]:
    """Lend base and head of a git repository, each in its tree.

    Raises:
        ArchbenchError: there is no such commit, or it cannot be set up.
    """
    from archbench.measure.pairing import Sides, run_pair

    measured = {cell.name: measured_cell(cell, ways) for cell in cells}
    with trees(reference, root, setup) as both:
        measure: dict[str, Measure] = {}
        for name, cell in measured.items():
            sides = Sides((cell, both.base), (cell, both.head))
            measure[name] = partial(run_pair, sides=sides, limit_s=PATIENCE_S)
        if measured:
            own = next(iter(measured.values()))
            alike = Sides((own, both.base), (own, both.base))
            measure[CONTROL] = control_of(partial(run_pair, sides=alike, limit_s=PATIENCE_S))
        head = f"{both.head_commit[:10]}{' and changes' if both.dirty else ''}"
        yield Arms(both.base_commit[:10], head, measure)


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
        environment=None if session.environment is None else session.environment.to_dict(),
    )
    if session.failure is not None:
        return replace(filled, failure=session.failure, failed="head")
    base, head = (tuple((time,) for time in times) for times in session.times_ns)
    return replace(filled, base=base, head=head)
