"""Networks beside a reference."""

from dataclasses import dataclass
from typing import Any, Literal

from archbench.analysis.records import Profile
from archbench.record import Record, Row, as_json
from archbench.timing.machine.records import Environment
from archbench.timing.records import Session

StructureVerdict = Literal["equal", "smaller", "larger", "unknown"]
TimeVerdict = Literal["faster", "slower", "no_difference", "inconclusive"]
SUMMARY = {"params": "params", "macs": "MACs", "latency_median_s": "latency"}  # of totals


@dataclass(frozen=True, slots=True)
class Change(Record):
    """One quantity of a model beside the reference's."""

    KEYS = (
        *("metric", "subject", "model", "a", "b", "ratio", "low", "high", "mde", "verdict"),
        "complete",
    )

    metric: str  #: its name, the unit last: "params", "macs", "calls", "latency_median_s"
    subject: str  #: "total", a stage, or an operation
    #: whose value `b` is; `a` is the reference's. None where one of them has no such subject.
    model: str
    a: int | float | None
    b: int | float | None
    verdict: StructureVerdict | TimeVerdict
    #: b / a; None where a is 0, and where either is missing or a lower bound
    ratio: float | None = None
    low: float | None = None  #: lower end of the ratio's 95 % interval, of measured quantities
    high: float | None = None  #: its upper end
    #: the relative difference that would have been called one nine times in ten
    mde: float | None = None
    complete: bool = True  #: False: `a` or `b` is a lower bound

    @property
    def summary_line(self) -> str:
        """Metric, subject and model, both values and the verdict."""
        figures = f"{_figure(self.b)} against {_figure(self.a)}"
        bound = "" if self.complete else " (a lower bound)"
        word = self.verdict.replace("_", " ")
        return f"{self.metric} ({self.subject}) of {self.model}: {figures}{bound}, {word}"

    def to_rows(self) -> list[Row]:
        """Return the change as one row."""
        return [self.to_dict()]


def _figure(value: float | None) -> str:
    """Write a count to the digit and a time with six; "-" where there is none."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """Networks beside a reference, the first of them: structure exactly, time with its error."""

    COLUMNS = Change.KEYS

    profiles: tuple[Profile, ...]
    changes: tuple[Change, ...]
    sessions: tuple[Session, ...] = ()  #: in each all models took turns
    latencies_s: tuple[float, ...] = ()  #: each model's: median over processes of their medians

    @property
    def summary_line(self) -> str:
        """The networks, and the verdicts on their params, MACs and latency."""
        reference, *others = (profile.model for profile in self.profiles)
        words: dict[str, list[str]] = {model: [] for model in others}
        for change in self.changes:
            if change.subject == "total" and change.metric in SUMMARY:
                word = change.verdict.replace("_", " ")
                words[change.model].append(f"{SUMMARY[change.metric]} {word}")
        parts = (f"{model} ({', '.join(said)})" for model, said in words.items())
        return f"{', '.join(parts)} against {reference}"

    def to_rows(self) -> list[Row]:
        """Return a row for each quantity, those of the totals first, as CSV has them."""
        return [row for change in self.changes for row in change.to_rows()]

    @property
    def environment(self) -> Environment | None:
        """Where it was measured; None where nothing was."""
        return self.sessions[0].environment if self.sessions else None

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench compare -f json` prints."""
        return {
            "schema": "archbench.compare/1",
            "models": [self._model(i) for i in range(len(self.profiles))],
            "changes": as_json(self.changes),
            "environment": as_json(self.environment),
        }

    def _model(self, i: int) -> dict[str, Any]:
        timing = None
        if self.sessions:
            timing = {
                "latency_median_s": self.latencies_s[i],
                "samples": sum(session.rounds for session in self.sessions),
                "sessions": len(self.sessions),
                "batch_size": self.sessions[0].cells[i].batch_size,
                "cell": self.sessions[0].cells[i].to_dict(),
                "scope": "this machine, several processes",
                "settled": all(session.settled for session in self.sessions),
                "flags": list(dict.fromkeys(f for s in self.sessions for f in s.flags)),
                "seeds": [session.seed for session in self.sessions],
            }
        profile = self.profiles[i]
        return {"name": profile.model, "totals": profile.totals.to_dict(), "timing": timing}
