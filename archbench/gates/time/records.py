"""A run of the time gate: its plan, its pairs and its verdicts."""

from dataclasses import dataclass
from typing import Any

from archbench.gates.records import NOTHING, Verdict, Word, exit_code, worst_first, worst_words
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.gates.verdict_words import tally
from archbench.record import Record, Row, as_json
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure


@dataclass(frozen=True, slots=True)
class TimeGate(Record):
    """A run of the time gate."""

    COLUMNS = ("cell", "metric", "verdict", "ratio", "low", "high", "mde", "p", "pairs", "note")

    plan: GatePlan  #: what was compared
    pairs: tuple[Pair, ...]  #: all that were measured
    verdicts: tuple[Verdict, ...]  #: one for each cell
    strict: bool = False  #: cells that could not be decided fail too

    @property
    def summary_line(self) -> str:
        """What was compared, how many cells have which verdict, and the exit code."""
        words = tally([verdict.verdict for verdict in self.verdicts]) or "no cells"
        return f"{self.plan.head} by {self.plan.base}: {words}; exit code {self.exit_code}"

    def to_rows(self) -> list[Row]:
        """Return a row for each verdict, worst first."""
        return [row for verdict in worst_first(self.verdicts) for row in verdict.to_rows()]

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regressed, 3 failed, 4 undecided under strict, 5 nothing was measured."""
        measured = any(not pair.control and pair.failure is None for pair in self.pairs)
        verdicts = self.verdict_of_cell.values()
        failing = {"regressed", "failed"}.intersection(verdicts)
        if "inconclusive" in verdicts and not measured and not failing:
            return NOTHING
        return exit_code(verdicts, self.strict, self.control_failure is not None)

    @property
    def verdict_of_cell(self) -> dict[str, Word]:
        """Each cell's verdict, worst first."""
        return worst_words(self.verdicts)

    @property
    def control(self) -> tuple[Pair, ...]:
        """Pairs of base against itself that gave times."""
        return tuple(pair for pair in self.pairs if pair.control and pair.failure is None)

    @property
    def control_failure(self) -> Failure | None:
        """Why the control could not be measured; None where it could, or was not tried."""
        failed = [pair.failure for pair in self.pairs if pair.control and pair.failure is not None]
        return failed[-1] if failed and not self.control else None

    @property
    def environment(self) -> Environment | None:
        """The environment of the first pair that has one; None where nothing was measured."""
        return next((pair.environment for pair in self.pairs if pair.environment), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench check --time -f json` prints."""
        return {
            "schema": "archbench.check/1",
            "base": self.plan.base,
            "head": self.plan.head,
            "rules": self.plan.rules.to_dict(),
            "verdicts": as_json(self.verdicts),
            "control": {
                "log_ratios": [pair.log_ratio for pair in self.control],
                "failure": as_json(self.control_failure),
            },
            "pairs": len(self.pairs),
            "environment": as_json(self.environment),
            "strict": self.strict,
            "exit_code": self.exit_code,
        }
