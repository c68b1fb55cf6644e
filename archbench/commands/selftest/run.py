"""Test the time gate itself on this machine: with equal sides, and with real slowdowns."""

import random
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from archbench.commands.selftest.neighbour import busy_neighbour
from archbench.commands.selftest.power import rates_of
from archbench.commands.selftest.records import SelfTest
from archbench.commands.selftest.slow_pairs import measure_of
from archbench.commands.selftest.trials import Trial, recorded_gate, settings_of
from archbench.errors import NothingMeasured, OutputRefused, why_refused
from archbench.gates.rules import Rules
from archbench.gates.structure.records import GateCell
from archbench.gates.time.comparison import CONTROL, Comparison, control_of
from archbench.gates.time.pairs import Pair
from archbench.gates.time.records import TimeGate
from archbench.gates.time.run import run_gate
from archbench.timing.failures import error_of
from archbench.timing.machine.records import Environment
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.model_cells import Ways

MODELS = ("resnet20", "resnet18")


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

    Every gate is recorded in its own file. A gate that is recorded already is not run again, so an
    interrupted self-test can be continued.

    Args:
        models: MODEL strings.
        aa: gates of each model against itself.
        slowdowns: of head, as shares.
        runs: gates of each slowdown.
        folder: for the records; is created.
        resample: gates to draw from the recorded pairs; 0 for none.
        one_process: base and head take turns in one process.
        busy: another process computes from the second half of every gate's screening on.
        ways: how the models run.
        input_size: of all models; default: the architecture's own.
        listener: is told of the progress.

    Raises:
        ArchbenchError: a model is not known, or cannot be run; the folder holds another self-test.
        NothingMeasured: there is nothing to test.
        OutputRefused: the folder cannot be written to.
    """
    cells = [GateCell(model, model, tuple(input_size)) for model in dict.fromkeys(models)]
    counts = [(0.0, aa), *((slowdown, runs) for slowdown in dict.fromkeys(slowdowns))]
    settings = settings_of(one_process, busy, ways, input_size)
    trials = [
        Trial(cell, slowdown, number, settings)
        for cell in cells
        for slowdown, count in counts
        for number in range(count)
    ]
    if not trials:
        raise NothingMeasured("there is nothing to test", "--aa 20")
    _make_folder(folder)
    gates = {t: gate for t in trials if (gate := recorded_gate(t, folder)) is not None}
    todo = [trial for trial in trials if trial not in gates]
    random.SystemRandom().shuffle(todo)
    with job_runner(listener.show_output) as runner:
        for done, trial in enumerate(todo, 1):
            gates[trial] = _run_trial(trial, folder, ways, busy, runner if one_process else None)
            listener.show_progress(done / len(todo), None)
    gates = {trial: gates[trial] for trial in trials}
    pairs = [pair for gate in gates.values() for pair in gate.pairs]
    return SelfTest(rates_of(gates, resample), one_process, busy, _environment(pairs, listener))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(
            f"'{folder}' cannot be a folder for gates: {why_refused(error)}",
            "--record names another one",
        ) from error


def _run_trial(
    trial: Trial, folder: Path, ways: Ways, busy: bool, runner: JobRunner | None
) -> TimeGate:
    """Run one gate and record it; the runner is for pairs in one process.

    Raises:
        ArchbenchError: a pair failed; its gate leaves no record, so it is run again next time.
    """
    path = trial.file(folder)
    path.unlink(missing_ok=True)  # of a gate that was interrupted
    head = measure_of(trial.cell, trial.slowdown, ways, runner)
    control = control_of([measure_of(trial.cell, 0.0, ways, runner)])
    with busy_neighbour() if busy else nullcontext(lambda measure: measure) as beside:
        measure = {trial.cell.name: beside(head), CONTROL: beside(control)}
        comparison = Comparison("as it is", trial.head, measure, one_process=runner is not None)
        gate = run_gate(comparison, Rules(), record=path)
    for pair in gate.pairs:
        if pair.failure is not None:
            path.unlink()
            raise error_of(pair.failure)
    return gate


def _environment(pairs: Sequence[Pair], listener: Listener) -> Environment | None:
    """Return where the gates ran; warn where that was more than one machine."""
    environments = {p.environment.fingerprint: p.environment for p in pairs if p.environment}
    if len(environments) > 1:
        listener.warn(f"these gates ran on {len(environments)} machines, or set-ups of one")
    return next(iter(environments.values()), None)
