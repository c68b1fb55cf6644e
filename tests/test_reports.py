"""The committed reports of reproduce and claims are those of this code."""

import csv
import io
import math
import re
from xml.sax.saxutils import escape

from archbench.report.claims import findings_report
from archbench.report.render import Format, as_text
from tests.reports import REPORTS, reproduced

SPREAD = 0.05  # of what an experiment with random numbers gives on another machine


def test_the_report_of_reproduce_is_fresh(reproductions) -> None:
    """To the letter; `make reports` writes it anew."""
    for name, text in reproduced(reproductions):
        assert (REPORTS / name).read_text(encoding="utf-8") == text, name


def test_the_report_of_claims_is_fresh(findings) -> None:
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
