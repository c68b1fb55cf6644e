"""What pytest-benchmark saved: one file, made by one process, or by several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archbench.gates.records import Verdict, Word, exit_code, worst_first
from archbench.record import Record, as_json


@dataclass(frozen=True, slots=True)
class SavedBenchmark:
    """One benchmark of one file."""

    medians_s: tuple[float, ...]  #: one for each process
    #: what has to agree besides the machine before two times are compared: the cell and its
    #: environment, where archbench noted them
    agreed: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class SavedRun:
    """One file."""

    path: str  #: as the user named it
    ended: datetime | None  #: when it was saved; None where the file does not tell
    #: what of it has to agree before two times are compared, as the file names it
    machine: Mapping[str, str] = field(hash=False)
    benchmarks: Mapping[str, SavedBenchmark] = field(hash=False)  #: by their full names


def benchmarks_of(runs: Sequence[SavedRun], name: str) -> list[SavedBenchmark]:
    """Return one benchmark of every file that holds it."""
    return [run.benchmarks[name] for run in runs if name in run.benchmarks]


@dataclass(frozen=True, slots=True)
class SavedCheck(Record):
    """Saved runs of two sides, judged."""

    before: tuple[SavedRun, ...]  #: the files of the one side
    after: tuple[SavedRun, ...]  #: those of the other
    verdicts: tuple[Verdict, ...]  #: one for each benchmark
    #: whether the sides took turns; where they did not, what happened to the machine in between is
    #: in every ratio
    in_turn: bool
    strict: bool = False  #: what could not be decided fails too

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regressed, 4 undecided under strict, 5 no benchmark was saved."""
        return exit_code(self.verdict_of_cell.values(), self.strict)

    @property
    def verdict_of_cell(self) -> dict[str, Word]:
        """Each benchmark's verdict, worst first."""
        return {verdict.cell: verdict.verdict for verdict in self.sorted()}

    def sorted(self) -> list[Verdict]:
        """Return the verdicts, worst first; of equal ones the slowest."""
        return worst_first(self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench check --pytest-benchmark -f json` prints."""
        return {
            "schema": "archbench.check/1",
            "before": [run.path for run in self.before],
            "after": [run.path for run in self.after],
            "in_turn": self.in_turn,
            "verdicts": as_json(self.verdicts),
            "strict": self.strict,
            "exit_code": self.exit_code,
        }
