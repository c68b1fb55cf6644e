"""Networks beside a reference."""

from dataclasses import dataclass
from typing import Any, Literal

from archbench.records.profiles import Profile
from archbench.records.timings import Session

StructureVerdict = Literal["equal", "smaller", "larger"]
TimeVerdict = Literal["faster", "slower", "no_difference", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of a model beside the reference's.

    Args:
        metric: its name, the unit last: "params", "macs", "calls", "latency_median_s".
        subject: "total", a stage, or an operation.
        model: whose value `b` is; `a` is the reference's. None where one of them has no such
            subject.
        ratio: b / a; None where a is 0 or either is missing.
        low: lower end of the ratio's 95 % interval, of measured quantities.
        high: its upper end.
    """

    metric: str
    subject: str
    model: str
    a: int | float | None
    b: int | float | None
    verdict: StructureVerdict | TimeVerdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as the JSON contract names it."""
        return {
            "metric": self.metric,
            "subject": self.subject,
            "model": self.model,
            "a": self.a,
            "b": self.b,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Networks beside a reference, the first of them: structure exactly, time with its error."""

    profiles: tuple[Profile, ...]
    changes: tuple[Change, ...]
    session: Session | None = None
    latencies_s: tuple[float, ...] | None = None  # median of each model's calls

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench compare -f json` prints."""
        return {
            "schema": "archbench.compare/1",
            "models": [self._model(i) for i in range(len(self.profiles))],
            "changes": [change.to_dict() for change in self.changes],
            "environment": self.session.environment.to_dict() if self.session else None,
        }

    def _model(self, i: int) -> dict[str, Any]:
        timing = None
        if self.session is not None and self.latencies_s is not None:
            timing = {
                "latency_median_s": self.latencies_s[i],
                "samples": len(self.session.rounds_ns),
                "batch_size": self.session.batch_size,
                "scope": "this process only",
                "settled": self.session.settled,
                "seed": self.session.seed,
            }
        profile = self.profiles[i]
        return {"name": profile.model, "totals": profile.totals.to_dict(), "timing": timing}
