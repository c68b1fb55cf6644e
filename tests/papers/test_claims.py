"""The claims: their data, the rule of their verdicts, and what becomes of every one."""

import csv
import io
import math
import re
from xml.sax.saxutils import escape

import pytest

from archbench.commands.claims.report import LOOKS, findings_report
from archbench.csv_tables import rows_of
from archbench.papers.claims.experiments import EXPERIMENTS
from archbench.papers.claims.records import Case, Claim, Evidence, Finding, Measurement
from archbench.papers.statements import statements
from archbench.tables.render import Format, as_text
from tests.reports import REPORTS
from tests.repository import ROOT

PACKAGE = ROOT / "archbench"

CLAIMS = statements()
SPREAD = 0.05  # of what an experiment with random numbers gives on another machine


def test_every_claim_has_an_experiment() -> None:
    """And every experiment its claim; ids are unique, verdicts are words that the code knows."""
    assert len(CLAIMS) == 76
    assert sorted(claim.id for claim in CLAIMS) == sorted(EXPERIMENTS)
    assert {claim.verdict for claim in CLAIMS} == set(LOOKS)
    assert all(claim.statement and claim.how and claim.expected for claim in CLAIMS)


@pytest.mark.parametrize(
    "path", sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.csv"))
)
def test_packaged_rows_are_whole(path) -> None:
    """No cell too many, as an unquoted comma makes one, and none too few."""
    for row in rows_of(path):
        assert None not in row, row
        assert None not in row.values(), row


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_turns_out_as_expected(claim, findings) -> None:
    """The verdict that its row names, and every number beside the expected one."""
    finding = findings[claim.id]
    assert [m for m in finding.evidence.measurements if not m.agrees] == []
    assert finding.evidence.verdict == claim.verdict
    assert finding.as_expected
    assert bool(finding.condition) == (claim.verdict in ("holds_with_condition", "not_tested"))
    assert finding.evidence.measurements or claim.verdict == "not_tested"


def test_the_committed_report_is_fresh(findings) -> None:
    """Verdicts and conditions to the letter, measured numbers closely: machines round apart."""
    report = findings_report(tuple(findings.values()))
    markdown = (REPORTS / "claims.md").read_text(encoding="utf-8")
    assert masked(markdown) == masked(as_text(report, Format.MD))
    kept = csv.DictReader(io.StringIO((REPORTS / "claims.csv").read_text(encoding="utf-8")))
    now = csv.DictReader(io.StringIO(as_text(report, Format.CSV)))
    for old, new in zip(kept, now, strict=True):
        assert {**old, "value": ""} == {**new, "value": ""}
        assert alike(old["value"], new["value"]), new


def test_the_pictures_are_those_of_the_claims(findings) -> None:
    """One file each and no other, with today's title, axes and lines."""
    pictures = [p for finding in findings.values() for p in finding.evidence.pictures]
    files = {path.stem for path in REPORTS.glob("*.svg")}
    # of a machine, not a claim
    measured = {name for name in files if name.startswith(("roofline-", "selftest-"))}
    assert {p.name for p in pictures} == files - measured
    for picture in pictures:
        drawn = (REPORTS / f"{picture.name}.svg").read_text(encoding="utf-8")
        names = [line.name for line in picture.series]
        for text in (picture.title, picture.x_label, picture.y_label, *names):
            assert f"<!-- {escape(text)} -->" in drawn, text


def masked(text: str) -> str:
    """Blot out the numbers, whose digits are compared in the CSV."""
    return re.sub(r"\d[\d,.]*(e[+-]?\d+)?", "#", text)


def alike(old: str, new: str) -> bool:
    if old == new:
        return True
    try:
        return math.isclose(float(old), float(new), rel_tol=SPREAD, abs_tol=1e-9)
    except ValueError:
        return False


YES, NO, UNKNOWN = Case("here", True), Case("there", False), Case("after training", None)


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ((YES, YES), "holds"),
        ((NO,), "fails"),
        ((NO, UNKNOWN), "fails"),
        ((YES, NO), "holds_with_condition"),
        ((YES, UNKNOWN), "holds_with_condition"),
        ((UNKNOWN,), "not_tested"),
        ((), "not_tested"),
    ],
)
def test_one_rule_makes_verdicts(cases, verdict) -> None:
    """True in all cases, in none, in some; nothing is said of what was not tried."""
    assert Evidence(cases).verdict == verdict


@pytest.mark.parametrize(
    ("measurement", "agrees"),
    [
        (Measurement("count", 3, 3), True),
        (Measurement("count", 3, 4), False),
        (Measurement("size", "5×5", "5×5"), True),
        (Measurement("ratio", 0.28, 0.2801), False),
        (Measurement("ratio", 0.28, 0.2801, within=0.001), True),
        (Measurement("ratio", -0.28, 0.28, within=0.1), False),
        (Measurement("order", 1.4e4, 2e3, within=9), True),
        (Measurement("order", 1.4e4, 1e3, within=9), False),
        (Measurement("bound", 1e-13, 1e-12, relation="<="), True),
        (Measurement("bound", 2e-12, 1e-12, relation="<="), False),
        (Measurement("bound", 0.5, 0.1, relation=">="), True),
        (Measurement("bound", float("nan"), 0.1, relation=">="), False),
        (Measurement("ratio", float("nan"), 1.0, within=9), False),
    ],
)
def test_a_measurement_agrees_or_not(measurement, agrees) -> None:
    """By value, by a share of the smaller, or by a bound; what is no number never does."""
    assert measurement.agrees == agrees


def test_a_surprise_is_one() -> None:
    """Another verdict, or one number that is off."""
    claim = Claim("x.y", "statement", (), "how", "expected", "holds")
    assert Finding(claim, Evidence((YES,), (Measurement("n", 1, 1),))).as_expected
    assert not Finding(claim, Evidence((YES, NO))).as_expected
    assert not Finding(claim, Evidence((YES,), (Measurement("n", 1, 2),))).as_expected
