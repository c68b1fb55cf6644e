"""What a run of the time gate found."""

from dataclasses import dataclass
from typing import Any

from archbench.gates.records import NOTHING, Verdict, Word, exit_code, worst_first
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.record import Record, as_json
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure


@dataclass(frozen=True, slots=True)
class TimeGate(Record):
    """A whole run."""

    plan: GatePlan  #: what it was about
    pairs: tuple[Pair, ...]  #: all that was measured
    verdicts: tuple[Verdict, ...]  #: one for each cell
    strict: bool = False  #: what could not be decided fails too

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regressed, 3 failed, 4 undecided under strict, 5 nothing was measured."""
        own = [pair for pair in self.pairs if not pair.control and pair.failure is None]
        verdicts = self.verdict_of_cell.values()
        failing = {"regressed", "failed"}.intersection(verdicts)
        if "inconclusive" in verdicts and not own and not failing:
            return NOTHING
        return exit_code(verdicts, self.strict, self.control_failure is not None)

    @property
    def verdict_of_cell(self) -> dict[str, Word]:
        """Each cell's verdict, worst first."""
        return {verdict.cell: verdict.verdict for verdict in self.sorted()}

    @property
    def control(self) -> tuple[Pair, ...]:
        """Pairs of base against itself that gave times."""
        return tuple(pair for pair in self.pairs if pair.control and pair.failure is None)

    @property
    def control_failure(self) -> Failure | None:
        """Why nothing vouches for this run, if that is so: base by itself could not be measured."""
        failed = [pair.failure for pair in self.pairs if pair.control and pair.failure is not None]
        return failed[-1] if failed and not self.control else None

    @property
    def environment(self) -> Environment | None:
        """Where it was measured; None where nothing was."""
        return next((pair.environment for pair in self.pairs if pair.environment), None)

    def sorted(self) -> list[Verdict]:
        """Return the verdicts, worst first; of equal ones the slowest."""
        return worst_first(self.verdicts)

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
