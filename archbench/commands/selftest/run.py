"""Put the time gate itself to the test, on this machine: equal sides, and real slowdowns."""

import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archbench.commands.selftest.power import rate_of_draws, rate_of_runs
from archbench.commands.selftest.records import Rate, SelfTest
from archbench.errors import ArchbenchError, NothingMeasured, OutputRefused, why_refused
from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.structure.records import GateCell
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.gates.time.record_file import read_gate
from archbench.gates.time.records import TimeGate
from archbench.gates.time.run import CONTROL, Arms, Measure, control_of, run_gate
from archbench.gates.time.sides import THREADS, in_one_process, measured_cell, other_code
from archbench.gates.time.verdicts import verdicts_of
from archbench.networks.names import parts_of
from archbench.timing.cells import Cell
from archbench.timing.failures import error_of
from archbench.timing.machine.records import Environment
from archbench.timing.processes.children import Child
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.subjects import Ways

MODELS = ("resnet20", "resnet18")
SLOWED = "archbench.commands.selftest.slowed:build"
BUSY = """
from archbench.timing.processes.lifeline import end_with_parent
end_with_parent()
while True: pass
"""
BUSY_FROM = 5  # pairs of a gate: the second half of the screen of one cell and its control


@dataclass(frozen=True, slots=True)
class Trial:
    """One gate to be run."""

    cell: GateCell  #: what is gated
    slowdown: float  #: built into head, as a share
    number: int  #: among those of the same
    settings: str = ""  #: what else sets it apart, for people; empty for what is the default

    @property
    def head(self) -> str:
        """Return what head is."""
        return f"{self.slowdown * 100:g} % slower{self.settings and ', '}{self.settings}"

    def file(self, folder: Path) -> Path:
        """Return where it is recorded."""
        return folder / f"{_file_name(self.cell)}-{self.slowdown * 100:g}-{self.number:03d}.jsonl"


def _file_name(cell: GateCell) -> str:
    return re.sub(r"[^\w.-]+", "_", cell.name)


def selftest(
    models: Sequence[str] = MODELS,
    aa: int = 20,
    slowdowns: Sequence[float] = (0.02, 0.03, 0.05, 0.1),
    runs: int = 10,
    folder: Path = Path("selftest"),
    resample: int = 2000,
    one_process: bool = False,
    busy: bool = False,
    ways: Ways = Ways(),  # noqa: B008  # it is frozen
    input_size: Sequence[str] = (),
    listener: Listener = SILENT,
) -> SelfTest:
    """Run gates whose right answer is known, and count their verdicts.

    Every gate is recorded in a file of its own; those that are there already are not run again, so
    that an interrupted test goes on.

    Args:
        models: MODEL strings.
        aa: gates of each model against itself.
        slowdowns: built into head, as shares.
        runs: gates of each slowdown.
        folder: for the records; is created.
        resample: gates to draw from the recorded pairs; 0 for none.
        one_process: base and head take turns in one process.
        busy: something else computes in the second half of every gate.
        ways: how the models run.
        input_size: of all models; default: the architecture's own.
        listener: is told how it goes on.

    Raises:
        ArchbenchError: a model is not known, or cannot be run; the folder holds another test.
        NothingMeasured: there is nothing to test.
        OutputRefused: the folder cannot be written to.
    """
    cells = [GateCell(model, model, tuple(input_size)) for model in dict.fromkeys(models)]
    sizes = [(0.0, aa), *((slowdown, runs) for slowdown in dict.fromkeys(slowdowns))]
    settings = _settings(one_process, busy, ways, input_size)
    trials = [
        Trial(cell, slowdown, number, settings)
        for cell in cells
        for slowdown, count in sizes
        for number in range(count)
    ]
    if not trials:
        raise NothingMeasured("there is nothing to test", "--aa 20")
    _make_folder(folder)
    todo = [trial for trial in trials if not _is_done(trial, folder)]
    random.SystemRandom().shuffle(todo)
    with job_runner(listener.show_output) as runner:
        side = _Sides(ways, one_process, runner)
        for done, trial in enumerate(todo):
            path = trial.file(folder)
            path.unlink(missing_ok=True)  # of a gate that was interrupted
            with _busy_later(busy) as disturbed:
                measure = {
                    trial.cell.name: disturbed(side.measure(trial.cell, trial.slowdown)),
                    CONTROL: disturbed(control_of([side.measure(trial.cell, 0.0)])),
                }
                arms = Arms("as it is", trial.head, measure, one_process=one_process)
                gate = run_gate(arms, Rules(), record=path)
            _refuse_failures(gate, path)
            listener.show_progress((done + 1) / len(todo), None)
    gates = {trial: read_gate(trial.file(folder), lambda message: None) for trial in trials}
    pairs = [pair for _, own in gates.values() for pair in own]
    return SelfTest(_rates(gates, resample), one_process, busy, _environment(pairs, listener))


def _settings(one_process: bool, busy: bool, ways: Ways, input_size: Sequence[str]) -> str:
    """Write what is not the default, so that gates of two tests are not taken for one's."""
    words = ["in one process"] if one_process else []
    words += ["a busy neighbour"] if busy else []
    words += [f"{ways.threads} threads"] if ways.threads not in (None, THREADS) else []
    return ", ".join([*words, *input_size])


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(
            f"'{folder}' cannot be a folder for gates: {why_refused(error)}",
            "--record names another one",
        ) from error


def _refuse_failures(gate: TimeGate, path: Path) -> None:
    """Stop at a gate that could not be measured; it is run again when the test goes on.

    Raises:
        ArchbenchError: as what stopped it.
    """
    for pair in gate.pairs:
        if pair.failure is not None:
            path.unlink()
            raise error_of(pair.failure)


class _Sides:
    """Measures pairs of a network and the same with work added."""

    def __init__(self, ways: Ways, one_process: bool, runner: JobRunner) -> None:
        self._ways = ways
        self._one_process = one_process
        self._runner = runner

    def measure(self, cell: GateCell, slowdown: float) -> Measure:
        """Return what measures a pair whose head is slower by a share."""
        from archbench.gates.time.pairing import Sides, run_pair

        base, head = self._slowed(cell, 0.0), self._slowed(cell, slowdown)
        if self._one_process:
            own: Measure = partial(in_one_process, cells=(base, head), runner=self._runner)
        else:
            sides = Sides((base, Path.cwd()), (head, Path.cwd()))
            own = partial(run_pair, sides=sides)
        # both come from archbench's own file, which the gate would not compare
        return other_code(own)

    def _slowed(self, cell: GateCell, slowdown: float) -> Cell:
        arguments = {"model": cell.model, "arguments": {}, "slowdown": slowdown}
        size = cell.input_size or _own_size(cell.model)
        return measured_cell(GateCell(cell.name, SLOWED, size, 1, arguments), self._ways)


def _own_size(model: str) -> tuple[str, ...]:
    from archbench.networks.registry import find
    from archbench.units import shape_for_machines

    if parts_of(model) is not None:
        raise ArchbenchError(f"'{model}' needs an input size", "-i 3x224x224")
    return (f"float32:{shape_for_machines(find(model).input_shape)}",)


@contextmanager
def _busy_later(busy: bool) -> Iterator[Callable[[Measure], Measure]]:
    """Let a process compute beside the pairs from the second half of the screen on."""
    count = 0
    other: list[Child] = []

    def disturbed(measure: Measure) -> Measure:
        def measured(pair: Pair) -> Pair:
            nonlocal count
            if busy and count == BUSY_FROM:
                other.append(_neighbour())
            count += 1
            return measure(pair)

        return measured

    try:
        yield disturbed
    finally:
        for process in other:
            process.end()


def _neighbour() -> Child:
    nowhere = subprocess.DEVNULL
    return Child([sys.executable, "-c", BUSY], stdin=nowhere, stdout=nowhere, stderr=nowhere)


def _is_done(trial: Trial, folder: Path) -> bool:
    """Tell whether a gate was recorded to its end.

    Raises:
        ArchbenchError: the folder holds gates of another test.
    """
    path = trial.file(folder)
    if not path.is_file():
        return False
    try:
        plan, pairs = read_gate(path, lambda message: None)
    except ArchbenchError:
        return False
    if plan.head != trial.head:
        raise ArchbenchError(
            f"'{folder}' holds gates of another test: head is {plan.head}, not {trial.head}",
            "--record names another folder",
        )
    return bool(pairs) and not verdicts_of(plan, pairs, ended=False)[1]


def _rates(gates: Mapping[Trial, tuple[GatePlan, list[Pair]]], resample: int) -> tuple[Rate, ...]:
    """Count what the recorded gates say, and what gates drawn from their pairs would."""
    said: dict[tuple[str, float], list[Word]] = {}
    values: dict[tuple[str, float], list[float]] = {}
    walls: dict[tuple[str, float], list[float]] = {}
    alone: dict[tuple[str, float], list[float]] = {}
    for trial, (plan, pairs) in gates.items():
        key = trial.cell.name, trial.slowdown
        verdicts, _ = verdicts_of(plan, pairs, ended=True)
        said.setdefault(key, []).append(verdicts[0].verdict)
        walls.setdefault(key, []).append(sum(pair.wall_s for pair in pairs))
        alone.setdefault(key, []).append(sum(p.wall_s for p in pairs if not p.control))
        for pair in pairs:
            if pair.failure is None:
                own = (trial.cell.name, 0.0) if pair.control else key
                values.setdefault(own, []).append(pair.log_ratio)
    rates = [
        rate_of_runs(*key, words, values.get(key, []), walls[key], alone[key])
        for key, words in said.items()
    ]
    if resample:
        rates += [
            rate_of_draws(*key, own, Rules(), resample, seed)
            for seed, (key, own) in enumerate(sorted(values.items()))
        ]
    rates.sort(key=lambda rate: (rate.model, rate.source != "run", rate.slowdown))
    return tuple(rates)


def _environment(pairs: Sequence[Pair], listener: Listener) -> Environment | None:
    """Return where the gates ran; warn where that is more than one machine."""
    found = {pair.environment.fingerprint: pair.environment for pair in pairs if pair.environment}
    if len(found) > 1:
        listener.warn(f"these gates ran on {len(found)} machines, or set-ups of one")
    return next(iter(found.values()), None)
