"""The committed reports of reproduce and claims are those of this code."""

import csv
import io
import math
import re

from tests.reports import REPORTS, claimed, reproduced

SPREAD = 0.05  # of what an experiment with random numbers gives on another machine


def test_the_report_of_reproduce_is_fresh(reproductions) -> None:
    """To the letter; `make reports` writes it anew."""
    for name, text in reproduced(reproductions):
        assert (REPORTS / name).read_text(encoding="utf-8") == text, name


def test_the_report_of_claims_is_fresh(findings) -> None:
    """Verdicts and conditions to the letter, measured numbers closely: machines round apart."""
    texts = dict(claimed(tuple(findings.values())))
    assert masked((REPORTS / "claims.md").read_text(encoding="utf-8")) == masked(texts["claims.md"])
    kept = csv.DictReader(io.StringIO((REPORTS / "claims.csv").read_text(encoding="utf-8")))
    now = csv.DictReader(io.StringIO(texts["claims.csv"]))
    for old, new in zip(kept, now, strict=True):
        assert {**old, "value": ""} == {**new, "value": ""}
        assert alike(old["value"], new["value"]), new


def test_the_pictures_are_there(findings) -> None:
    """Every picture of a claim is committed."""
    names = {name for name, _ in claimed(tuple(findings.values())) if name.endswith(".svg")}
    assert names
    assert all((REPORTS / name).is_file() for name in names)


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
