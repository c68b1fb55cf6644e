"""Gate the time of head by base, measured beside it: never by a time that was stored."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archbench.errors import NothingMeasured
from archbench.gates.records import Verdict
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import GatePlan, Pair, Side, Stage
from archbench.gates.time.record_file import SCHEMA
from archbench.gates.time.records import TimeGate
from archbench.gates.time.verdicts import verdicts_of
from archbench.libraries import require
from archbench.timing.run_file import RunFile
from archbench.timing.sessions.job_runner import SILENT, WORKERS_NEED, Listener

CONTROL = "(base against itself)"

Measure = Callable[[Pair], Pair]


@dataclass(frozen=True, slots=True)
class Arms:
    """Two sides to be measured against each other."""

    base: str  #: what it is, for people
    head: str  #: likewise
    #: for each cell that can be compared, and for the control, what measures a pair
    measure: Mapping[str, Measure]
    known: tuple[Verdict, ...] = ()  #: verdicts of the others
    one_process: bool = False  #: a pair is one process in which both take turns, not two

    @property
    def cells(self) -> list[str]:
        """Names of what is to be measured."""
        return [name for name in self.measure if name != CONTROL]


def run_gate(
    arms: Arms,
    rules: Rules = Rules(),  # noqa: B008  # it is frozen
    until: float | None = None,
    record: Path | None = None,
    listener: Listener = SILENT,
    now: Callable[[], float] = time.monotonic,
) -> TimeGate:
    """Measure pair after pair, until every cell has its verdict or the time is up.

    Pairs of all cells that need some take turns in random order, the control's among them. The
    control is never the first: where the time is enough for one pair, that is a cell's.

    Args:
        arms: what is compared, and how.
        rules: of the gate.
        until: on the clock, no pair goes on beyond it as far as can be told; who has no verdict by
            then is inconclusive.
        record: a file that every pair is appended to as it ends.
        listener: is told how it goes on.
        now: a clock in seconds.

    Raises:
        NothingMeasured: there are no cells.
        OutputRefused: the record cannot be written.
    """
    if not arms.cells and not arms.known:
        raise NothingMeasured("there are no cells to time")
    for library in ("scipy", *WORKERS_NEED):
        require(library, "the time gate")
    plan = GatePlan(
        *(tuple(arms.cells), CONTROL, arms.base, arms.head, rules, arms.known, arms.one_process)
    )
    file = None if record is None else RunFile(record, SCHEMA, new=True)
    if file is not None:
        file.append(plan)
    seeds = random.SystemRandom()
    start = now()
    pairs: list[Pair] = []
    listener.show_progress(0.0, None)
    while True:
        verdicts, wanted = verdicts_of(plan, pairs, ended=False)
        turn = _turn(wanted, pairs)
        if not turn:
            break
        left = sum(wanted[name][1] - number for name, _, number in turn)
        seeds.shuffle(turn)
        if not pairs:
            turn.sort(key=lambda one: one[0] == CONTROL)
        for name, stage, number in turn:
            typical_s = (now() - start) / len(pairs) if pairs else 0.0
            if until is not None and now() + typical_s > until:
                verdicts, _ = verdicts_of(plan, pairs, ended=True)
                return TimeGate(plan, tuple(pairs), verdicts)
            pair = arms.measure[name](_asked(name, stage, number, seeds))
            pairs.append(pair)
            if file is not None:
                file.append(pair)
            left -= 1
            listener.show_progress(*_progress(now() - start, len(pairs), left))
            if pair.failure is not None:
                break  # it may take no more turns
    return TimeGate(plan, tuple(pairs), verdicts)


def _asked(name: str, stage: Stage, number: int, seeds: random.Random) -> Pair:
    sides: tuple[Side, Side] = ("base", "head")
    seed = seeds.getrandbits(32)
    return Pair(name, stage, number, name == CONTROL, seed, seeds.choice(sides))


def _progress(passed_s: float, done: int, left: int) -> tuple[float, float]:
    """Return the share that is done, and the seconds that are left as far as is known by now."""
    return done / (done + left), left * passed_s / done


def _turn(
    wanted: Mapping[str, tuple[Stage, int]], pairs: Sequence[Pair]
) -> list[tuple[str, Stage, int]]:
    """Give every cell that wants a pair one: its name, the stage, and how many it has."""
    turn = []
    for name, (stage, count) in wanted.items():
        have = sum(p.cell == name and p.stage == stage and p.failure is None for p in pairs)
        if have < count:
            turn.append((name, stage, have))
    return turn


def control_of(measures: Sequence[Measure]) -> Measure:
    """Measure pairs for the control: of the first cell that can be measured.

    Args:
        measures: of base against itself, for each cell.
    """
    left = list(measures)

    def measured(pair: Pair) -> Pair:
        while True:
            found = replace(left[0](pair), cell=CONTROL, control=True)
            if found.failure is None or len(left) == 1:
                return found
            left.pop(0)

    return measured
