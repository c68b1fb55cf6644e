"""Gate the time of head by base, measured beside it: never by a time that was stored."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archbench.api.launcher import SILENT, Listener
from archbench.errors import NothingMeasured
from archbench.gate.time_gate import verdicts_of
from archbench.records.gates import Verdict
from archbench.records.pairs import GatePlan, Pair, Rules, Stage
from archbench.records.runs import GATE, RunFile
from archbench.records.time_gates import TimeGate

CONTROL = "(base against itself)"

Measure = Callable[[Pair], Pair]


@dataclass(frozen=True, slots=True)
class Arms:
    """Two sides to be measured against each other.

    Args:
        base: what it is, for people.
        head: likewise.
        measure: for each cell that can be compared, and for the control, what measures a pair.
        known: verdicts of the others.
    """

    base: str
    head: str
    measure: Mapping[str, Measure]
    known: tuple[Verdict, ...] = ()

    @property
    def cells(self) -> list[str]:
        """Names of what is to be measured."""
        return [name for name in self.measure if name != CONTROL]


def run_gate(
    arms: Arms,
    rules: Rules,
    max_time_s: float | None = None,
    record: Path | None = None,
    listener: Listener = SILENT,
    now: Callable[[], float] = time.monotonic,
) -> TimeGate:
    """Measure pair after pair, until every cell has its verdict or the time is up.

    Pairs of all cells that need some take turns in random order, the control's among them.

    Args:
        arms: what is compared, and how.
        rules: of the gate.
        max_time_s: for everything; who has no verdict by then is inconclusive.
        record: a file that every pair is appended to as it ends.
        listener: is told how it goes on.
        now: a clock in seconds.

    Raises:
        NothingMeasured: there are no cells.
        OutputRefused: the record cannot be written.
    """
    if not arms.cells and not arms.known:
        raise NothingMeasured("there are no cells to time")
    plan = GatePlan(tuple(arms.cells), CONTROL, arms.base, arms.head, rules, arms.known)
    file = None if record is None else RunFile(record, GATE)
    if file is not None:
        file.append(plan)
    seeds = random.SystemRandom()
    start = now()
    pairs: list[Pair] = []
    listener.tell(0.0, None)
    while True:
        verdicts, wanted = verdicts_of(plan, pairs, ended=False)
        turn = _turn(wanted, pairs)
        if not turn:
            break
        left = sum(wanted[name][1] - number for name, _, number in turn)
        seeds.shuffle(turn)
        for name, stage, number in turn:
            if max_time_s is not None and now() - start >= max_time_s:
                verdicts, _ = verdicts_of(plan, pairs, ended=True)
                return TimeGate(plan, tuple(pairs), verdicts)
            first = seeds.choice(("base", "head"))
            asked = Pair(
                name,
                stage,
                number,
                name == CONTROL,
                seeds.getrandbits(32),
                first,  # type: ignore[arg-type]  # one of the two
            )
            pair = arms.measure[name](asked)
            pairs.append(pair)
            if file is not None:
                file.append(pair)
            left -= 1
            listener.tell(*_progress(len(pairs), left, now() - start, max_time_s))
            if pair.failure is not None:
                break  # it takes no more turns
    return TimeGate(plan, tuple(pairs), verdicts)


def _turn(
    wanted: Mapping[str, tuple[Stage, int]], pairs: Sequence[Pair]
) -> list[tuple[str, Stage, int]]:
    """Give every cell that wants a pair one: its name, the stage, and how many it has."""
    turn = []
    for name, (stage, count) in wanted.items():
        have = sum(pair.cell == name and pair.stage == stage for pair in pairs)
        if have < count:
            turn.append((name, stage, have))
    return turn


def _progress(
    done: int, left: int, passed_s: float, max_time_s: float | None
) -> tuple[float, float]:
    """Return the share that is done, and the seconds that are left as far as is known by now."""
    left_s = left * passed_s / done
    if max_time_s is not None:
        left_s = min(left_s, max(0.0, max_time_s - passed_s))
    return passed_s / (passed_s + left_s) if passed_s + left_s else 1.0, left_s


def control_of(measure: Measure) -> Measure:
    """Measure a pair for the control, whose name is not its cell's."""
    return lambda pair: replace(measure(pair), cell=CONTROL, control=True)
