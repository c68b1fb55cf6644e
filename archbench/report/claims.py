"""Claims and what became of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import wrap

from archbench.records.claims import Claim, ClaimVerdict, Finding, Measurement
from archbench.report.table import Cell, Column, Kind, Report, Table, Tone, Toned
from archbench.units import counted, three_digits

WORDS: Mapping[ClaimVerdict, str] = {
    "holds": "holds",
    "holds_with_condition": "holds if",
    "fails": "fails",
    "not_tested": "not tested",
}
TONES: Mapping[ClaimVerdict, Tone] = {
    "holds": Tone.GOOD,
    "holds_with_condition": Tone.FAIR,
    "fails": Tone.BAD,
    "not_tested": Tone.QUIET,
}
SUMS: Mapping[ClaimVerdict, str] = {
    "holds": "hold",
    "holds_with_condition": "hold with a condition",
    "fails": "fail",
    "not_tested": "not tested",
}
NAME, STATEMENT = 22, 44  # characters of a line


def findings_report(findings: Sequence[Finding]) -> Report:
    """List findings with their statements; CSV holds every measurement."""
    groups: dict[int, str] = {}
    rows: list[tuple[Cell, ...]] = []
    for i, finding in enumerate(findings):
        group, _, name = finding.claim.id.partition(".")
        if i == 0 or group != findings[i - 1].claim.id.partition(".")[0]:
            groups[i] = group
        rows.append(
            (
                "\n".join(wrap(name, NAME)),
                _verdict(finding),
                "\n".join(_statement(finding)),
                "; ".join(_measured(m) for m in finding.evidence.measurements) or None,
            )
        )
    columns = (
        Column("claim", "claim"),
        Column("verdict", "verdict"),
        Column("statement", "statement"),
        Column("measured", "measured (expected)", Kind.PRINTED, rank=1),
    )
    return Report(
        _sum(findings),
        (Table(columns, tuple(rows), groups=groups),),
        _document(findings),
        notes=_surprises(findings),
        rows=_machine_rows(findings),
    )


def finding_report(finding: Finding) -> Report:
    """Tell one finding with every case and measurement."""
    claim, evidence = finding.claim, finding.evidence
    facts = [("statement", claim.statement)]
    if claim.documents:
        facts.append(("said by", "; ".join(claim.documents)))
    facts += [("experiment", claim.how), ("expected", claim.expected)]
    facts.append(("verdict", evidence.verdict.replace("_", " ")))
    if finding.condition:
        facts.append(("condition", finding.condition))
    if evidence.seeds:
        facts.append(("seeds", " ".join(map(str, evidence.seeds))))
    tables = []
    if evidence.cases:
        outcomes = {True: "true", False: "not true", None: "not tested here"}
        cases = tuple((case.when, outcomes[case.true]) for case in evidence.cases)
        tables.append(Table((Column("when", "tried"), Column("true", "outcome")), cases))
    if evidence.measurements:
        columns = (
            Column("what", "measured"),
            Column("value", "value"),
            Column("expected", "expected"),
            Column("agrees", ""),
        )
        measured = tuple(
            (
                "\n".join(wrap(m.what, STATEMENT)),
                _number(m.value),
                _expected(m),
                Toned("=", Tone.GOOD) if m.agrees else Toned("≠", Tone.BAD),
            )
            for m in evidence.measurements
        )
        tables.append(Table(columns, measured))
    return Report(
        claim.id,
        tuple(tables),
        _document([finding]),
        tuple(facts),
        _surprises([finding]),
        _machine_rows([finding]),
    )


def claims_report(claims: Sequence[Claim]) -> Report:
    """List the claims that can be put to the test."""
    columns = (
        Column("claim", "claim"),
        Column("statement", "statement"),
        Column("documents", "said by", Kind.PRINTED, rank=1),
    )
    people = tuple(
        (c.id, "\n".join(wrap(c.statement, STATEMENT)), "; ".join(c.documents) or None)
        for c in claims
    )
    machines = tuple((c.id, c.statement, "; ".join(c.documents) or None) for c in claims)
    document = {
        "schema": "archbench.claim_list/1",
        "claims": [claim.to_dict() for claim in claims],
    }
    title = counted(len(claims), "claim")
    return Report(title, (Table(columns, people),), document, rows=Table(columns, machines))


def _verdict(finding: Finding) -> Toned:
    verdict = finding.evidence.verdict
    return Toned(WORDS[verdict], TONES[verdict])


def _statement(finding: Finding) -> list[str]:
    """Write a statement with its condition behind it, in lines."""
    lines = wrap(finding.claim.statement, STATEMENT)
    if finding.condition:
        lead = "why" if finding.evidence.verdict == "not_tested" else "if"
        lines += wrap(f"{lead}: {finding.condition}", STATEMENT)
    return lines


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.evidence.verdict for finding in findings)
    parts = [f"{counts[verdict]} {SUMS[verdict]}" for verdict in SUMS if counts[verdict]]
    return f"{counted(len(findings), 'claim')}: {', '.join(parts)}"


def _surprises(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Say what did not come out as expected."""
    told = []
    for finding in findings:
        if finding.evidence.verdict != finding.claim.verdict:
            told.append(
                f"NOT AS EXPECTED: {finding.claim.id} {finding.evidence.verdict}, "
                f"not {finding.claim.verdict}."
            )
        told.extend(
            f"NOT AS EXPECTED: {finding.claim.id}: {_measured(m)}."
            for m in finding.evidence.measurements
            if not m.agrees
        )
    return tuple(told)


def _measured(m: Measurement) -> str:
    return f"{m.what} {_number(m.value)} ({_expected(m)})"


def _expected(m: Measurement) -> str:
    if m.relation != "=":
        return f"{'at most' if m.relation == '<=' else 'at least'} {_number(m.expected)}"
    if not m.within:
        return _number(m.expected)
    if m.within >= 1:
        return f"{_number(m.expected)}, within a factor of {1 + m.within:g}"
    return f"{_number(m.expected)}, within {100 * m.within:.2g} %"


def _number(value: object) -> str:
    """Write a value: whole numbers whole, others with three digits that count.

    >>> [_number(x) for x in (120422400, 0.72, 6.2e7, 3.5e-3, 9e-16, True, "5x5")]
    ['120,422,400', '0.720', '6.2e+07', '0.00350', '9e-16', 'True', '5x5']
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return three_digits(value)
    return f"{value:.3g}"


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "schema": "archbench.claims/1",
        "claims": [finding.to_dict() for finding in findings],
    }


def _machine_rows(findings: Sequence[Finding]) -> Table:
    """One row per measurement; a claim without one has a row all the same."""
    columns = tuple(
        Column(key, key)
        for key in (
            *("claim", "verdict", "expected_verdict", "condition", "seeds"),
            *("measured", "value", "expected", "within", "relation", "agrees"),
        )
    )
    rows: list[tuple[Cell, ...]] = []
    for finding in findings:
        head = (
            finding.claim.id,
            finding.evidence.verdict,
            finding.claim.verdict,
            finding.condition or None,
            " ".join(map(str, finding.evidence.seeds)) or None,
        )
        rows.extend(
            (*head, m.what, m.value, m.expected, m.within, m.relation, m.agrees)
            for m in finding.evidence.measurements
        )
        if not finding.evidence.measurements:
            rows.append((*head, *(None,) * 6))
    return Table(columns, tuple(rows))
