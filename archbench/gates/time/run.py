"""Run the time gate: head is measured beside its base, never compared with a stored time."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from archbench.errors import NothingMeasured
from archbench.gates.rules import Rules
from archbench.gates.time.comparison import CONTROL, Comparison
from archbench.gates.time.judge import Target
from archbench.gates.time.pairs import GatePlan, Pair, Side
from archbench.gates.time.records import TimeGate
from archbench.gates.time.verdicts import verdicts_of
from archbench.libraries import require
from archbench.timing.run_file import RunFile
from archbench.timing.sessions.job_runner import SILENT, WORKERS_NEED, Listener


def run_gate(
    comparison: Comparison,
    rules: Rules = Rules(),  # noqa: B008  # it is frozen
    until: float | None = None,
    record: Path | None = None,
    listener: Listener = SILENT,
    now: Callable[[], float] = time.monotonic,
) -> TimeGate:
    """Measure pair after pair, until every cell has its verdict or the time is up.

    Cells that need pairs take turns in random order, the control among them. The control is never
    the first: where the time is enough for one pair, that is a cell's.

    Every pair is appended to the record as it ends. A pair that would probably end after `until` on
    the clock, in seconds, is not begun; cells without a verdict are then inconclusive.

    Raises:
        NothingMeasured: there are no cells.
        OutputRefused: the record cannot be written.
    """
    if not comparison.cells and not comparison.verdicts:
        raise NothingMeasured("there are no cells to time")
    for library in ("scipy", *WORKERS_NEED):
        require(library, "the time gate")
    plan = _plan(comparison, rules)
    file = None if record is None else RunFile(record, GatePlan, new=True)
    if file is not None:
        file.append(plan)
    seeds = random.SystemRandom()
    start = now()
    pairs: list[Pair] = []
    listener.show_progress(0.0, None)
    while targets := verdicts_of(plan, pairs, ended=False).targets:
        turn = _next_turn(targets, pairs, seeds)
        left = sum(targets[pair.cell].pairs - pair.number for pair in turn)
        for unmeasured in turn:
            typical_s = (now() - start) / len(pairs) if pairs else 0.0
            if until is not None and now() + typical_s > until:
                return _gate(plan, pairs)
            pair = comparison.measure[unmeasured.cell](unmeasured)
            pairs.append(pair)
            if file is not None:
                file.append(pair)
            left -= 1
            left_s = left * (now() - start) / len(pairs)
            listener.show_progress(len(pairs) / (len(pairs) + left), left_s)
            if pair.failure is not None:
                break  # its cell may be out of the run
    return _gate(plan, pairs)


def _plan(comparison: Comparison, rules: Rules) -> GatePlan:
    return GatePlan(
        cells=tuple(comparison.cells),
        control=CONTROL,
        base=comparison.base,
        head=comparison.head,
        rules=rules,
        known=comparison.verdicts,
        one_process=comparison.one_process,
    )


def _gate(plan: GatePlan, pairs: Sequence[Pair]) -> TimeGate:
    return TimeGate(plan, tuple(pairs), verdicts_of(plan, pairs, ended=True).verdicts)


def _next_turn(
    targets: Mapping[str, Target], pairs: Sequence[Pair], seeds: random.Random
) -> list[Pair]:
    """Return a pair to measure for each cell that needs more, in random order."""
    sides: tuple[Side, Side] = ("base", "head")
    turn = []
    for cell, (stage, _) in targets.items():
        number = sum(p.cell == cell and p.stage == stage and p.failure is None for p in pairs)
        control, seed = cell == CONTROL, seeds.getrandbits(32)
        turn.append(Pair(cell, stage, number, control, seed, first=seeds.choice(sides)))
    seeds.shuffle(turn)
    if not pairs:
        turn.sort(key=lambda pair: pair.control)
    return turn
