"""`check --time`: head by its base commit, or a model by another, through the time gate."""

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.records import Verdict
from archbench.gates.structure.configuration import Project, find_project
from archbench.gates.structure.records import GateCell
from archbench.gates.time.pairs import Pair
from archbench.gates.time.run import CONTROL, Arms, Measure, control_of
from archbench.gates.time.trees import trees
from archbench.timing.cells import Cell
from archbench.timing.records import Session
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.subjects import Ways, check_device_kind, check_ways

THREADS = 1  # two threads on two cores lose all that one neighbour takes of one
PATIENCE_S = 600.0  # for one process with two models: only what hangs is ended
MEASURE_S = 0.7  # of two models in one process, after warming up: longer is no closer


@contextmanager
def commits(
    cells: Sequence[GateCell],
    reference: str,
    project: Project,
    setup: str,
    ways: Ways,
    whole: bool = False,
    listener: Listener = SILENT,
) -> Iterator[Arms]:
    """Lend base and head of a git repository, each in its tree.

    Args:
        cells: as head declares them.
        reference: the commit that is base.
        project: of head.
        setup: a command that each tree needs.
        ways: how the cells run.
        whole: the cells are all that head has: what only base declares is missing.
        listener: is warned.

    Raises:
        ArchbenchError: there is no such commit, or it cannot be set up.
    """
    from archbench.gates.time.pairing import Sides, run_pair

    with trees(reference, project.root, setup) as both:
        before, after = declared(both.base, project, listener), {c.name: c for c in project.cells}
        known = [
            Verdict(name, "time", "missing", note="base declares it, head does not")
            for name in before
            if whole and name not in after
        ]
        measure: dict[str, Measure] = {}
        controls: list[Measure] = []
        for cell in cells:
            own = as_base_declares(cell, after.get(cell.name), before.get(cell.name))
            if not both.base.is_dir():
                note = f"base has no folder '{both.base.relative_to(both.repositories[0])}'"
                known.append(Verdict(cell.name, "time", "new", note=note))
                continue
            if (own.input_size, own.batch_size) != (cell.input_size, cell.batch_size):
                note = f"base declares it with {_inputs(own)}, head with {_inputs(cell)}"
                known.append(Verdict(cell.name, "time", "not_comparable", note=note))
                continue
            base = measured_cell(own, ways), both.base
            sides = Sides(base, (measured_cell(cell, ways), both.head), both.repositories)
            pair: Measure = partial(run_pair, sides=sides)
            changed = (own.model, own.model_kwargs) != (cell.model, cell.model_kwargs)
            measure[cell.name] = other_code(pair) if changed else pair
            controls.append(partial(run_pair, sides=Sides(base, base)))
        if controls:
            measure[CONTROL] = control_of(controls)
        head = "this tree" if both.head_commit is None else both.head_commit[:10]
        edited = " and changes" if both.dirty else ""
        yield Arms(both.base_commit[:10], f"{head}{edited}", measure, tuple(known))


def declared(base: Path, project: Project, listener: Listener = SILENT) -> dict[str, GateCell]:
    """Read what base declares; nothing where it has no such file yet, or one that is broken."""
    if project.source is None or not base.is_dir():
        return {}
    same = base / project.source.name
    try:
        found = find_project(base, same if same.is_file() else None)
    except ArchbenchError as error:
        listener.warn(f"base: {error.message}; its cells are taken for declared as head's")
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


def other_code(measure: Measure) -> Measure:
    """Measure sides that are known to differ, whatever files their models come from."""
    return lambda pair: replace(measure(pair), sources={})


@contextmanager
def models(
    cells: Sequence[GateCell], against: str, root: Path, ways: Ways, listener: Listener
) -> Iterator[Arms]:
    """Lend a model and others, both in one process, call by call.

    Args:
        cells: to be compared with it.
        against: a MODEL string; it takes each cell's inputs.
        root: of the project, where files of models are looked for.
        ways: how they run.
        listener: is told what the models print.

    Raises:
        ArchbenchError: there is no such model.
    """
    known = []
    measure: dict[str, Measure] = {}
    controls: list[Measure] = []
    with chdir(root), job_runner(listener.show_output) as runner:
        for cell in cells:
            other = GateCell(against, against, cell.input_size, cell.batch_size)
            sizes = _inputs_of_base(other), _inputs_or_none(cell)
            if sizes[1] is not None and sizes[0] != sizes[1]:
                note = f"{against} takes {sizes[0]}, this {sizes[1]}: -i gives both the same"
                known.append(Verdict(cell.name, "time", "not_comparable", note=note))
                continue
            base = measured_cell(other, ways)
            both = base, measured_cell(cell, ways)
            measure[cell.name] = partial(in_one_process, cells=both, runner=runner)
            controls.append(partial(in_one_process, cells=(base, base), runner=runner))
        if controls:
            measure[CONTROL] = control_of(controls)
        head = ", ".join(cell.model for cell in cells)
        yield Arms(against, head, measure, tuple(known), one_process=True)


def taken_inputs(cell: GateCell) -> str:
    """Say what a cell's model is given, its architecture's own size where none is set.

    Raises:
        ArchbenchError, UserCodeError: it cannot be loaded, or does not take that.
    """
    from archbench.networks.resolve import load, plan_for

    loaded = load(cell.model, cell.model_kwargs, blank=True)
    return ", ".join(plan_for(loaded, list(cell.input_size) or None, cell.batch_size).texts())


def _inputs_of_base(cell: GateCell) -> str:
    """Return the same of the model that stands behind --against.

    Raises:
        ArchbenchError: it cannot be loaded; arguments that are given are those of the others.
    """
    try:
        return taken_inputs(cell)
    except ArchbenchError as error:
        if "--model-kwargs" in error.hint:
            error.hint = "--against takes what can be built without arguments"
        raise


def _inputs_or_none(cell: GateCell) -> str | None:
    """Return the same; None where it cannot be loaded, which its first process will explain."""
    try:
        return taken_inputs(cell)
    except ArchbenchError:
        return None


def measured_cell(cell: GateCell, ways: Ways) -> Cell:
    """Return how a declared cell is run to be timed.

    Raises:
        ArchbenchError: a word of the ways is not known, or there is no such device here.
    """
    check_ways(ways)
    device = ways.device
    if device != "cpu":  # to look for another one takes torch
        from archbench.networks.device import check_device

        device = str(check_device(device))
    check_device_kind(ways, device.partition(":")[0])
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


def in_one_process(pair: Pair, cells: tuple[Cell, Cell], runner: JobRunner) -> Pair:
    """Measure a pair as one session in which both models take turns, call by call."""
    from archbench.timing.jobs import Job

    order = (0, 1) if pair.first == "base" else (1, 0)
    asked = Job(cells, pair.number, pair.seed, order=order, huge_pages=True)
    job = replace(asked, measure_s=MEASURE_S, limit_s=PATIENCE_S)
    return pair_of(pair, runner(job))


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
        return replace(filled, failure=session.failure)
    base, head = (tuple((time,) for time in times) for times in session.times_ns)
    return replace(filled, base=base, head=head)
