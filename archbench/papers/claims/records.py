"""Statements of the papers and lecture notes, put to the test."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from archbench.record import Record, Row, as_json
from archbench.tables.picture import Picture

ClaimVerdict = Literal["holds", "fails", "holds_with_condition", "not_tested"]
Relation = Literal["=", "<=", ">="]
Value = int | float | str | bool


@dataclass(frozen=True, slots=True)
class Claim(Record):
    """One statement, how it is tested, and what comes out where all is well."""

    id: str  #: its name
    statement: str  #: what is claimed
    documents: tuple[str, ...]  #: the lecture notes and slides that say it
    how: str  #: the experiment, in words
    expected: str  #: its outcome, in words
    verdict: ClaimVerdict  #: the verdict that this outcome means

    @property
    def summary_line(self) -> str:
        """Name and statement."""
        return f"{self.id}: {self.statement}"

    def to_dict(self) -> dict[str, Any]:
        """Return the claim under its JSON names."""
        return {
            "id": self.id,
            "statement": self.statement,
            "documents": list(self.documents),
            "how": self.how,
            "expected": self.expected,
            "expected_verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Case(Record):
    """One set of circumstances in which a statement was tried."""

    when: str  #: the circumstances, a text that completes "true only ...": "with 10 layers"
    #: whether the statement came out true there; None where that cannot be tested here
    true: bool | None


@dataclass(frozen=True, slots=True)
class Measurement(Record):
    """A measured value of an experiment, and the expected one."""

    DERIVED = ("agrees",)

    what: str  #: the measured quantity, with its unit if it has one
    value: Value  #: what came out
    expected: Value  #: the value derived by hand, or printed by another source
    #: how far apart `value` and `expected` may be, as a share of the smaller: 0.05 is 5 %, 9 is a
    #: factor of ten. 0 asks for the same value.
    within: float = 0.0
    relation: Relation = "="  #: "<=" and ">=" take `expected` as a bound instead

    @property
    def agrees(self) -> bool:
        """Whether the measured value agrees with the expected one.

        >>> Measurement("share", 0.28, 0.28).agrees, Measurement("norm", 1.2e4, 1.4e4, 1).agrees
        (True, True)
        """
        a, b = self.value, self.expected
        if self.relation == "=" and (not self.within or isinstance(a, str) or isinstance(b, str)):
            return a == b
        a, b = float(a), float(b)
        if self.relation == "<=":
            return a <= b
        if self.relation == ">=":
            return a >= b
        small, large = sorted((abs(a), abs(b)))
        return a * b > 0 and large <= small * (1 + self.within)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a statement needs in order to be true, or why it was not tested."""

    text: str


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of an experiment's random numbers; several where draws are averaged."""

    numbers: tuple[int, ...]


Fact = Case | Measurement | Condition | Seeds | Picture
Facts = Iterator[Fact]  # what an experiment yields; the order counts within each kind only


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an experiment found."""

    #: the circumstances in which the statement was tried; none where it cannot be tested here
    cases: tuple[Case, ...]
    #: the numbers that were measured, each beside the expected one
    measurements: tuple[Measurement, ...] = ()
    #: what the statement needs in order to be true, or why it was not tested; where it is empty the
    #: true cases say it
    condition: str = field(default="", kw_only=True)
    #: the seeds of the random numbers, where there are any; several where draws are averaged
    seeds: tuple[int, ...] = field(default=(), kw_only=True)
    pictures: tuple[Picture, ...] = field(default=(), kw_only=True)  #: what is worth looking at

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Self:
        """Return the facts by kind."""
        found = tuple(facts)
        return cls(
            tuple(fact for fact in found if isinstance(fact, Case)),
            tuple(fact for fact in found if isinstance(fact, Measurement)),
            condition="".join(fact.text for fact in found if isinstance(fact, Condition)),
            seeds=tuple(n for fact in found if isinstance(fact, Seeds) for n in fact.numbers),
            pictures=tuple(fact for fact in found if isinstance(fact, Picture)),
        )

    @property
    def verdict(self) -> ClaimVerdict:
        """True in all cases, in none, or in some, which is a condition.

        >>> Evidence((Case("alone", True), Case("after training", None))).verdict
        'holds_with_condition'
        """
        outcomes = {case.true for case in self.cases}
        if outcomes <= {None}:
            return "not_tested"
        if True not in outcomes:
            return "fails"
        return "holds" if outcomes == {True} else "holds_with_condition"


@dataclass(frozen=True, slots=True)
class Finding(Record):
    """A claim and the evidence on it."""

    COLUMNS = (
        *("claim", "verdict", "expected_verdict", "condition", "seeds"),
        *("measured", "value", "expected", "within", "relation", "agrees"),
    )

    claim: Claim
    evidence: Evidence

    @property
    def summary_line(self) -> str:
        """The claim's name, the verdict, and the statement."""
        word = self.evidence.verdict.replace("_", " ")
        surprise = "" if self.as_expected else ", not as expected"
        return f"{self.claim.id}: {word}{surprise} ({self.claim.statement})"

    def to_rows(self) -> list[Row]:
        """Return a row for each measurement; a claim without one has a row all the same."""
        head = {
            "claim": self.claim.id,
            "verdict": self.evidence.verdict,
            "expected_verdict": self.claim.verdict,
            "condition": self.condition or None,
            "seeds": " ".join(map(str, self.evidence.seeds)) or None,
        }
        return [
            head
            | {
                "measured": m.what,
                "value": m.value,
                "expected": m.expected,
                "within": m.within,
                "relation": m.relation,
                "agrees": m.agrees,
            }
            for m in self.evidence.measurements
        ] or [head]

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the expected one and every measurement agrees."""
        agree = all(measurement.agrees for measurement in self.evidence.measurements)
        return agree and self.evidence.verdict == self.claim.verdict

    @property
    def condition(self) -> str:
        """What the statement needs, where it holds in some cases only; or why it was not tested."""
        if self.evidence.condition or self.evidence.verdict != "holds_with_condition":
            return self.evidence.condition
        return "; ".join(case.when for case in self.evidence.cases if case.true)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding under its JSON names."""
        return {
            **self.claim.to_dict(),
            "verdict": self.evidence.verdict,
            "condition": self.condition,
            "as_expected": self.as_expected,
            "seeds": list(self.evidence.seeds),
            "cases": as_json(self.evidence.cases),
            "measurements": as_json(self.evidence.measurements),
        }
