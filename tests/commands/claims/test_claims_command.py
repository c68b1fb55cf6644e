"""`archbench claims` on the command line."""

import csv
import io
import json
import sys
from functools import partial
from pathlib import Path

import pytest

from archbench.papers.claims.experiments import EXPERIMENTS
from archbench.papers.claims.records import Case, Measurement
from archbench.papers.statements import statements
from archbench.tables.picture import Picture, Series, as_svg
from tests.command_line import outcome

called = partial(outcome, "claims")
QUICK = "factorisation.receptive-field"  # takes no time
DRAWN = "factorisation.asymmetric-saving"  # and this one has a picture


def test_one_claim_in_full(capsys) -> None:
    """Statement, documents, experiment, every case and every measurement."""
    code, out, err = called(capsys, QUICK)
    assert (code, err) == (0, "")
    assert "Two stacked 3x3 layers see as much as one 5x5." in out
    assert "said by     Inception and ResNet (slides)" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["of", "the", "field", "of", "view", "true"] in rows
    assert ["field", "of", "two", "3×3", "5×5", "5×5", "="] in rows
    assert "verdict     holds" in out


def test_several_claims_in_an_overview(capsys) -> None:
    """By subject, with the condition under the statement."""
    code, out, _ = called(capsys, "factorisation.*")
    assert code == 0
    assert out.startswith("6 claims: 3 hold, 3 hold with a condition")
    assert "Only with equal channels" in " ".join(out.split())


def test_machines_get_every_measurement(capsys) -> None:
    """CSV has a row for each, JSON an object for each claim."""
    _, out, _ = called(capsys, QUICK, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["value"] for row in rows] == ["5×5", "5×5", "25", "18"]
    assert {row["agrees"] for row in rows} == {"True"}
    _, out, _ = called(capsys, QUICK, "-f", "json")
    document = json.loads(out)
    assert document["schema"] == "archbench.claims/1"
    (claim,) = document["claims"]
    assert (claim["verdict"], claim["as_expected"]) == ("holds", True)
    assert claim["measurements"][3]["expected"] == 18


def test_the_list_tests_nothing(capsys) -> None:
    """All claims, with who makes them, without torch."""
    code, out, _ = called(capsys, "--list", "-f", "csv")
    assert code == 0
    assert [row["claim"] for row in csv.DictReader(io.StringIO(out))] == [
        claim.id for claim in statements()
    ]


def test_bad_input(capsys, tmp_path: Path) -> None:
    """One line, one hint, exit code 2."""
    file = tmp_path / "file"
    file.write_text("kept")
    for argv, told in [
        (["gradient.norm"], "did you mean 'gradient.norms'?"),
        (["zzz*"], "there is no claim 'zzz*'"),
        ([QUICK, "--plot", str(file)], "cannot be a folder"),
    ]:
        code, out, err = called(capsys, *argv)
        assert (code, out) == (2, ""), argv
        assert told in err
        assert "hint: " in err
    assert file.read_text() == "kept"


def test_pictures(capsys, tmp_path: Path, monkeypatch) -> None:
    """A file for each; a claim without one says so; without matplotlib nothing is run."""
    folder = tmp_path / "new" / "folder"
    code, out, err = called(capsys, DRAWN, "--plot", str(folder), "-f", "csv")
    assert code == 0 and out.startswith("claim,")
    assert "1 picture in" in err
    assert [path.name for path in folder.iterdir()] == ["asymmetric-saving.svg"]
    assert "none of these claims has a picture" in called(capsys, QUICK, "--plot", str(folder))[2]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, out, err = called(capsys, DRAWN, "--plot", str(folder))
    assert (code, out) == (2, "")
    assert "pip install 'archbench[plots]'" in err


def test_a_picture_is_always_drawn_alike() -> None:
    """The same lines give the same bytes, with both axes named and every line in the legend."""
    pytest.importorskip("matplotlib", reason="pictures are drawn by matplotlib")
    lines = tuple(
        Series(name, (1.0, 2.0), (1.0, 10.0 * i))
        for i, name in enumerate(("plain", "plain, not normalised"), 1)
    )
    picture = Picture("name", "A title", "block", "norm", lines, log_y=True)
    assert as_svg(picture) == as_svg(picture)
    assert as_svg(picture).count("<!-- plain") == 2


def test_a_surprise_exits_with_1(capsys, monkeypatch) -> None:
    """Whether the verdict is another or a number is off; the result is shown all the same."""
    for facts, told in [
        ((Case("here", False),), f"NOT AS EXPECTED: {QUICK} fails, not holds."),
        (
            (Case("here", True), Measurement("weights", 24, 25)),
            f"NOT AS EXPECTED: {QUICK}: weights: 24 (25).",
        ),
    ]:
        monkeypatch.setitem(EXPERIMENTS, QUICK, lambda networks, facts=facts: iter(facts))
        code, out, err = called(capsys, QUICK)
        assert code == 1
        assert told in out
        assert f"1 claim not as expected: {QUICK}" in err
