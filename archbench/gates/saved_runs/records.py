"""What pytest-benchmark saved: one file, made by one process, or by several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archbench.gates.records import Verdict, Word, exit_code, worst_first, worst_words
from archbench.gates.verdict_words import tally
from archbench.record import Record, Row, as_json
from archbench.units import counted


@dataclass(frozen=True, slots=True)
class SavedBenchmark:
    """One benchmark of one file."""

    medians_s: tuple[float, ...]  #: one for each process
    #: the cell and its environment, where archbench noted them: two times are compared only if they
    #: agree in these
    conditions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class SavedRun:
    """One file."""

    path: str  #: as the user named it
    saved_at: datetime | None  #: None where the file does not tell
    #: processor, system and Python, as the file names them: two times are compared only if they
    #: agree in these
    machine: Mapping[str, str] = field(hash=False)
    benchmarks: Mapping[str, SavedBenchmark] = field(hash=False)  #: by their full names


def benchmarks_of(runs: Sequence[SavedRun], name: str) -> list[SavedBenchmark]:
    """Return one benchmark of every file that holds it."""
    return [run.benchmarks[name] for run in runs if name in run.benchmarks]


@dataclass(frozen=True, slots=True)
class SavedCheck(Record):
    """Saved runs of two sides, judged."""

    COLUMNS = ("cell", "metric", "verdict", "ratio", "low", "high", "mde", "p", "note")

    before: tuple[SavedRun, ...]  #: files of the first side
    after: tuple[SavedRun, ...]  #: files of the second side
    verdicts: tuple[Verdict, ...]  #: one for each benchmark
    #: whether the sides took turns; where they did not, every ratio contains the machine's drift
    in_turn: bool
    strict: bool = False  #: a verdict that could not be decided fails too

    @property
    def summary_line(self) -> str:
        """How many files there are, how many benchmarks have which verdict, and the exit code."""
        words = tally([verdict.verdict for verdict in self.verdicts]) or "no benchmarks"
        sides = f"{counted(len(self.before), 'file')} before, {len(self.after)} after"
        return f"{sides}: {words}; exit code {self.exit_code}"

    def to_rows(self) -> list[Row]:
        """Return a row for each verdict, worst first."""
        return [row for verdict in worst_first(self.verdicts) for row in verdict.to_rows()]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regressed, 4 undecided under strict, 5 no benchmark was saved."""
        return exit_code(self.verdict_of_cell.values(), self.strict)

    @property
    def verdict_of_cell(self) -> dict[str, Word]:
        """Each benchmark's verdict, worst first."""
        return worst_words(self.verdicts)

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
