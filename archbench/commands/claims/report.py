"""Claims and what became of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import NamedTuple

from archbench.papers.claims.records import Claim, ClaimVerdict, Finding, Measurement
from archbench.tables.columns import Columns, table_of, table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table, Tone, Toned
from archbench.units import counted


class Look(NamedTuple):
    """Words for a verdict, for one claim and for several that share it, and a tone."""

    word: str
    one: str
    many: str
    tone: Tone


LOOKS: Mapping[ClaimVerdict, Look] = {
    "holds": Look("holds", "holds", "hold", Tone.GOOD),
    "holds_with_condition": Look(
        "holds only", "holds with a condition", "hold with a condition", Tone.FAIR
    ),
    "fails": Look("fails", "fails", "fail", Tone.BAD),
    "not_tested": Look("not tested", "not tested", "not tested", Tone.QUIET),
}
MEASURED, EXPECTED = 34, 20  # characters of a line
AGREES, DIFFERS = Toned("=", Tone.GOOD), Toned("≠", Tone.BAD)


def findings_report(findings: Sequence[Finding]) -> Report:
    """List findings with their statements; CSV holds every measurement."""
    columns: Columns[Finding] = (
        (Column("claim", "claim"), lambda finding: finding.claim.id),
        (Column("verdict", "verdict"), _verdict),
        (Column("statement", "statement", Kind.PROSE), _statement),
        (Column("measured", "measured (expected)", Kind.PROSE, rank=1), _all_measured),
    )
    return Report(
        _sum(findings),
        (table_of(columns, findings),) if findings else (),
        _document(findings),
        notes=_surprises(findings),
        rows=_machine_rows(findings),
    )


def _verdict(finding: Finding) -> Toned:
    look = LOOKS[finding.evidence.verdict]
    return Toned(look.word, look.tone)


def _all_measured(finding: Finding) -> str | None:
    return "; ".join(_measured(m) for m in finding.evidence.measurements) or None


def finding_report(finding: Finding) -> Report:
    """Tell one finding with every case and measurement."""
    evidence = finding.evidence
    tables = []
    if evidence.cases:
        outcomes = {True: "true", False: "not true", None: "not tested here"}
        cases = tuple((case.when, outcomes[case.true]) for case in evidence.cases)
        tables.append(Table((Column("when", "tried"), Column("true", "outcome")), cases))
    if evidence.measurements:
        tables.append(_measurements(evidence.measurements))
    return Report(
        finding.claim.id,
        tuple(tables),
        _document([finding]),
        _facts(finding),
        _surprises([finding]),
        _machine_rows([finding]),
    )


def _facts(finding: Finding) -> tuple[tuple[str, str], ...]:
    claim = finding.claim
    facts = (
        ("statement", claim.statement),
        ("said by", "; ".join(claim.documents)),
        ("experiment", claim.how),
        ("expected", claim.expected),
        ("verdict", finding.evidence.verdict.replace("_", " ")),
        ("condition", finding.condition),
        ("seeds", " ".join(map(str, finding.evidence.seeds))),
    )
    return tuple((name, text) for name, text in facts if text)


def _measurements(measurements: Sequence[Measurement]) -> Table:
    columns: Columns[Measurement] = (
        (Column("what", "measured"), lambda m: "\n".join(wrap(m.what, MEASURED))),
        (Column("value", "value"), lambda m: _number(m.value)),
        (Column("expected", "expected"), lambda m: "\n".join(wrap(_expected(m), EXPECTED))),
        (Column("agrees", ""), lambda m: AGREES if m.agrees else DIFFERS),
    )
    return table_of(columns, measurements)


def claims_report(claims: Sequence[Claim]) -> Report:
    """List the claims that can be put to the test."""
    columns = (
        Column("claim", "claim"),
        Column("statement", "statement", Kind.PROSE),
        Column("documents", "said by", Kind.PROSE, rank=1),
    )
    rows = tuple((c.id, c.statement, "; ".join(c.documents) or None) for c in claims)
    document = {
        "schema": "archbench.claim_list/1",
        "claims": [claim.to_dict() for claim in claims],
    }
    title = counted(len(claims), "claim")
    return Report(title, (Table(columns, rows),), document)


def _statement(finding: Finding) -> str:
    """Write a statement with its condition behind it."""
    if not finding.condition:
        return finding.claim.statement
    lead = "It" if finding.evidence.verdict == "not_tested" else "Only"
    return f"{finding.claim.statement} {lead} {finding.condition}."


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.evidence.verdict for finding in findings)
    parts = [
        f"{counts[verdict]} {look.one if counts[verdict] == 1 else look.many}"
        for verdict, look in LOOKS.items()
        if counts[verdict]
    ]
    return f"{counted(len(findings), 'claim')}: {', '.join(parts) or 'none'}"


def _surprises(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say what did not come out as expected."""
    surprises = []
    for finding in findings:
        if finding.evidence.verdict != finding.claim.verdict:
            surprises.append(
                f"NOT AS EXPECTED: {finding.claim.id} {finding.evidence.verdict}, "
                f"not {finding.claim.verdict}."
            )
        surprises.extend(
            f"NOT AS EXPECTED: {finding.claim.id}: {_measured(m)}."
            for m in finding.evidence.measurements
            if not m.agrees
        )
    return tuple(surprises)


def _measured(m: Measurement) -> str:
    return f"{m.what}: {_number(m.value)} ({_expected(m)})"


def _expected(m: Measurement) -> str:
    if m.relation != "=":
        return f"{'at most' if m.relation == '<=' else 'at least'} {_number(m.expected)}"
    if not m.within:
        return _number(m.expected)
    if m.within >= 1:
        return f"{_number(m.expected)}, within a factor of {1 + m.within:g}"
    return f"{_number(m.expected)}, within {100 * m.within:.2g} %"


def _number(value: object) -> str:
    """Write a value: whole numbers whole, others with four digits that count.

    >>> [_number(x) for x in (120422400, 25.03, 6797.7, 6.2e7, 9e-16, True, "5x5")]
    ['120,422,400', '25.03', '6,797.7', '6.2e+07', '9e-16', 'True', '5x5']
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if 1000 <= abs(value) < 1e5 else f"{value:.4g}"


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "schema": "archbench.claims/1",
        "claims": [finding.to_dict() for finding in findings],
    }


def _machine_rows(findings: Sequence[Finding]) -> Table:
    rows = [row for finding in findings for row in finding.to_rows()]
    return table_of_dicts(rows, Finding.COLUMNS)
