"""`archbench reproduce` on the command line."""

import csv
import io
import json
from functools import partial
from pathlib import Path

import pytest

from archbench.commands.reproduce import expectations
from archbench.papers.figures import figures, tables
from archbench.papers.networks import Networks
from tests.command_line import outcome

called = partial(outcome, "reproduce")
NETWORKS = Networks()  # counted once: what is tested is what becomes of the figures


@pytest.fixture(autouse=True)
def counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all commands of this file look at the same networks."""
    monkeypatch.setattr("archbench.papers.reproduce.Networks", lambda: NETWORKS)


def test_a_table_in_the_papers_shape(capsys) -> None:
    """The paper's rows and columns, in its order, each cell with its mark."""
    code, out, err = called(capsys, "googlenet-table1")
    assert (code, err) == (0, "")
    head = next(line for line in out.splitlines() if "pool proj" in line)
    order = ["patch size/stride", "output size", "depth", "#1×1", "#3×3 reduce", "#3×3 "]
    places = [head.index(word) for word in [*order, "#5×5 reduce", "pool proj", "params", "ops"]]
    assert places == sorted(places)
    row = next(line for line in out.splitlines() if line.startswith("inception_4a"))
    assert row.split()[-6:] == ["364K", "≠", "366.75", "73M", "↓", "73.61"]
    assert "133 figures: 111 exact, 11 rounded, 2 truncated, 2 within one unit, 7 incons" in out
    assert "Behind a mark" in out


def test_csv_and_json_hold_every_figure(capsys) -> None:
    """One row each, with unrounded values; the JSON contract's keys."""
    _, out, _ = called(capsys, "resnet-table1", "resnet-table3", "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    of_both = [f.id for f in figures() if f.table in ("resnet-table1", "resnet-table3")]
    assert [row["id"] for row in rows] == of_both
    by_id = {row["id"]: row for row in rows}
    assert by_id["resnet.table1.resnet50.flops"]["computed"] == "3857973248"
    assert by_id["resnet.table3.resnet50.top1_error"]["computed"] == ""
    _, out, _ = called(capsys, "resnet-table1", "-f", "json")
    document = json.loads(out)
    assert document["schema"] == "archbench.reproduce/1"
    keys = {"id", "printed", "value", "computed", "unit", "verdict", "explanation"}
    assert all(keys <= set(f) for f in document["figures"])
    assert document["tables"][0]["verdicts"]["exact"] == 190
    assert document["changed"] == []


def test_all_tables_and_the_sum(capsys) -> None:
    """Every table has its line, and the last counts all."""
    code, out, _ = called(capsys, "-f", "md")
    assert code == 0
    assert all(f"| {table} |" in out for table in tables())
    assert "786 figures: 563 exact, 49 rounded, 7 truncated, 3 within one unit, " in out


def test_only_some_verdicts(capsys) -> None:
    """As JSON or as people write them, with their explanations; none is an error."""
    argv = ("googlenet-table1", "googlenet-table3", "--only", "inconsistent")
    code, out, _ = called(capsys, *argv, "--only", "within one unit")
    assert code == 0
    assert "-3.45%" in out and "437K" in out and "1008" not in out
    code, out, _ = called(capsys, "module-structure", "--only", "inconsistent", "-f", "csv")
    assert (code, len(out.splitlines())) == (0, 1)  # none is good news
    code, _, err = called(capsys, "--only", "inconsistant")
    assert code == 2
    assert "did you mean 'inconsistent'?" in err


def test_lists(capsys) -> None:
    """Tables with papers and networks; those of one network."""
    code, out, _ = called(capsys, "--list")
    assert code == 0
    assert out.startswith(f"{len(tables())} tables, 786 figures")
    _, out, _ = called(capsys, "--list", "--architecture", "vgg19", "-f", "csv")
    assert out.splitlines()[1:] == ["paper-text,2,several sources,vgg19"]


def test_bad_input(capsys, tmp_path: Path) -> None:
    """One line, one hint, exit code 2, nothing on standard output."""
    words, broken = tmp_path / "words.csv", tmp_path / "broken.csv"
    words.write_text("id,verdict\ngooglenet.text.layers,fine\n")
    broken.write_bytes(b"\xff\xfe\x00")
    empty, stale = tmp_path / "empty.csv", tmp_path / "stale.csv"
    empty.touch()
    stale.write_text("id,verdict\nno.such.id,exact\n")
    for argv, told in [
        (["googlenet-table9"], "there is no table 'googlenet-table9'"),
        (["--architecture", "gogle"], "there is no architecture named 'gogle'"),
        (["--update"], "--update needs to know where to write"),
        (["--update", "--expectations", "x.csv", "-f", "csv"], "--update writes verdicts"),
        (["--list", "--only", "exact"], "--list computes no verdict"),
        (["--expectations", str(words), "-o", str(words)], "has another use in this command"),
        (["resnet50"], "`--architecture resnet50` has the figures"),
        (["--expectations", str(empty)], "holds no verdicts"),
        (["--expectations", str(stale)], "names no figure: 'no.such.id'"),
        (["resnet-table1", "--update", "--expectations", "x.csv"], "verdicts of all figures"),
        (["--expectations", str(tmp_path / "none.csv")], "no such file or directory"),
        (["--expectations", str(words)], "line 2 of"),
        (["--expectations", str(broken)], "it is not text"),
    ]:
        code, out, err = called(capsys, *argv)
        assert (code, out) == (2, ""), argv
        assert told in err
        assert "hint: " in err


def test_expectations_gate(capsys, tmp_path: Path) -> None:
    """What --update wrote passes; a changed, missing or invented verdict exits with 1."""
    mine = tmp_path / "mine.csv"
    code, out, err = called(capsys, "--update", "--expectations", str(mine))
    assert (code, out) == (0, "")
    assert "786 figures" in err
    assert called(capsys, "resnet-table6", "--expectations", str(mine))[0] == 0
    text = mine.read_text()
    mine.write_text(text.replace("resnet.table6.resnet20.params,rounded\n", ""))
    code, out, err = called(capsys, "resnet-table6", "--expectations", str(mine))
    assert code == 1
    assert "0.27M ≈" in out  # the result is shown all the same
    assert "resnet.table6.resnet20.params is rounded, not recorded" in err
    mine.write_text(text.replace("resnet20.params,rounded", "resnet20.params,exact"))
    argv = ("resnet-table6", "--only", "inconsistent", "--expectations", str(mine))
    assert called(capsys, *argv)[0] == 1  # though what changed is not among what is shown
    code, out, _ = called(capsys, "resnet-table6", "--expectations", str(mine), "-f", "json")
    assert code == 1
    assert json.loads(out)["changed"] == [
        {"id": "resnet.table6.resnet20.params", "expected": "exact", "verdict": "rounded"}
    ]


def test_an_installed_package_is_not_written_to() -> None:
    """Nobody would review it there."""
    for packages in ("site-packages", "dist-packages"):  # of any interpreter
        with pytest.raises(expectations.OutputRefused, match="installed package"):
            expectations.refuse_installed(Path(f"/env/lib/{packages}/archbench/expected.csv"))
    expectations.refuse_installed(Path("expected.csv"))
