"""Signs that a stream cannot carry are spelled in ASCII, and no output is lost for one."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import archbench
from archbench.app import app, run
from archbench.commands.selftest.run import selftest
from archbench.papers.verdict_looks import LOOKS
from archbench.shell.output import Destination, destination
from archbench.shell.progress import progress
from archbench.tables.render import Format
from archbench.tables.signs import ESCAPED, FORMS, SPELLED, carried, never_fail, spelled
from archbench.tables.table import Column, Kind, Report, Table, Tone, Toned
from archbench.timing.jobs import Job
from tests.gates.structure.test_check import CELLS, NET
from tests.gates.time.test_time_gate import with_ratio

PACKAGE = Path(archbench.__file__).parent
ENCODINGS = ["cp1252", "cp437", "ascii"]
SIGNS = re.compile(r"[^\x00-\x7f]")


class Stream(io.TextIOWrapper):
    """A standard stream of an encoding, which a test can read."""

    def __init__(self, encoding: str, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding, newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


# -- the forms -------------------------------------------------------------------------------------


def literals(path: Path) -> str:
    """All texts of a file of code that may be printed: no docstrings, no comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = ast.Module | ast.FunctionDef | ast.ClassDef
    documented = {ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, kinds)}
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "".join(text for text in texts if isinstance(text, str) and text not in documented)


def test_every_sign_that_archbench_can_print_has_an_ascii_form() -> None:
    """The signs in the code, and in the data that the package brings."""
    texts = [literals(path) for path in PACKAGE.rglob("*.py") if path.name != "signs.py"]
    texts += [p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.csv")]
    found = set(SIGNS.findall("".join(texts)))
    assert found >= {"×", "≠", "≈", "→", "↓", "±"}
    for sign in found:
        assert spelled(sign).isascii()
        assert "\\" not in spelled(sign), f"{sign} has no form in archbench/signs.py"


def test_the_forms_of_signs_that_stand_in_numbers_are_one_letter() -> None:
    """Such signs are spelled after the columns have their widths."""
    signs = set(SIGNS.findall(literals(PACKAGE / "units.py")))
    assert signs == {"×", "µ"}
    assert {len(FORMS[sign]) for sign in signs} == {1}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_marks_stay_apart(encoding: str) -> None:
    """No two verdicts look alike."""
    marks = [carried(look.mark, encoding) for look in LOOKS.values()]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize(
    ("text", "encoding", "wanted"),
    [
        ("3×3 ≠ 5×5", "utf-8", "3×3 ≠ 5×5"),
        ("3×3 ≠ 5×5", "utf-16", "3×3 ≠ 5×5"),
        ("3×3 ≠ 5×5", "cp1252", "3×3 != 5×5"),
        ("3×3 ≠ 5×5", "latin-1", "3×3 != 5×5"),
        ("3×3 ≈ 5×5", "cp437", "3x3 ≈ 5x5"),
        ("3×3 ≈ 5×5 → 5 µs ± 1", "ascii", "3x3 ~= 5x5 -> 5 us +- 1"),
        ("né Ångström", "ascii", "ne Angstrom"),
        ("10²", "ascii", "10^2"),  # not 102
        ("a ∉ b", "ascii", "a \\u2209 b"),  # nor the sign without its stroke
        ("网络", "cp1252", "\\u7f51\\u7edc"),
        ("caf\udce9.py", "utf-8", "caf\\udce9.py"),  # a name that is no text
    ],
)
def test_a_text_as_an_encoding_can_carry_it(text: str, encoding: str, wanted: str) -> None:
    """A sign that the encoding has stays. A sign without an ASCII form becomes its number."""
    assert carried(text, encoding) == wanted


def test_json_keeps_every_sign() -> None:
    """JSON's own escapes stand for the signs that an encoding lacks."""
    for text in ("≠ é × \U0001f600", "caf\udce9.py"):
        for encoding in (*ENCODINGS, "utf-8"):
            written = carried(json.dumps(text, ensure_ascii=False), encoding, ESCAPED)
            assert json.loads(written) == text


def test_only_errors_of_encoding_are_handled() -> None:
    """Bytes that are no text are an error, as ever."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", SPELLED)
    never_fail([None, io.StringIO()])  # no standard output, or one that has no encoding


# -- what commands print ---------------------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Callable[[], list[Job]]) -> Path:
    """A project that regressed, and a machine that is made up."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "archbench.toml").write_text(CELLS)
    monkeypatch.setattr(
        "archbench.gates.time.pairing.run_pair", lambda pair, sides: with_ratio(pair, 0.001)
    )
    assert run(["lock"]) == 0
    selftest(["resnet20"], 1, (0.1,), 1, resample=0)
    (tmp_path / "net.py").write_text(NET.replace("width=8", "width=16"))
    return tmp_path


COMMANDS = [
    (0, "list"),
    (0, "info googlenet"),
    (0, "summary googlenet"),
    (0, "compare resnet20 inception-module --no-bench"),
    (0, "compare resnet20 plain20 --max-time 1"),
    (0, "explain resnet20"),
    (0, "reproduce googlenet-table1"),
    (0, "claims module.naive-5x5-cost"),
    (0, "claims --list"),
    (0, "bench resnet20 -b 1,8 --threads 1"),
    (0, "bench resnet20 --layers"),
    (0, "doctor --max-time 1 --threads 1"),
    (0, "judge selftest/resnet20-0-000.jsonl"),
    (0, "selftest resnet20 --aa 1 --runs 1 --inject 10 --resample 9"),
    (1, "check --annotate"),
    (0, "lock --update --reason wider"),
    (0, "init-ci"),
    (2, "summary net.py:Smäll"),
    (0, "--version"),
]


@pytest.mark.parametrize(("code", "line"), COMMANDS, ids=[line for _, line in COMMANDS])
def test_every_command_prints_to_every_stream(
    code: int, line: str, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is the same in ASCII. Reports are printed in every format and encoding.

    JSON is the same document, and of CSV and Markdown all signs stay that an encoding has.
    """
    reports: list[Report] = []
    write = Destination.write

    def seen(self: Destination, report: Report) -> None:
        reports.append(report)
        write(self, report)

    monkeypatch.setattr(Destination, "write", seen)
    out, err = Stream("ascii"), Stream("ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert run(line.split()) == code, err.text
    assert out.text or err.text
    assert "\\u" not in out.text + err.text
    assert "Traceback" not in err.text
    monkeypatch.undo()
    for report in reports:
        for form in Format:
            whole = rendered(report, form, "utf-8")
            for encoding in ENCODINGS:
                text = rendered(report, form, encoding)
                if form is Format.JSON:
                    assert json.loads(text) == json.loads(json.dumps(report.document))
                elif form is not Format.TABLE:  # whose rules are Rich's
                    assert Counter(SIGNS.findall(text)) == Counter(
                        sign for sign in SIGNS.findall(whole) if carried(sign, encoding) == sign
                    )


def rendered(report: Report, form: Format, encoding: str) -> str:
    stream = Stream(encoding)
    never_fail([stream])
    Destination(stream, form).write(report)
    return stream.text


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["", *(str(one.name) for one in app.registered_commands)])
def test_every_help_page_can_be_printed(
    name: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boxes of Rich's help pages are printed too."""
    out = Stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    assert run([*name.split(), "--help"]) == 0
    assert "Usage: archbench" in out.text
    assert "\\u" not in out.text


@pytest.mark.parametrize("encoding", ["utf-8", *ENCODINGS])
def test_columns_stay_below_each_other(encoding: str) -> None:
    """Also where a form is longer than its sign."""
    columns = (
        Column("a", "a → b"),
        Column("b", "≠", Kind.TEXT),
        Column("c", "time", Kind.SECONDS),
        Column("d", "shape", Kind.SHAPE),
        Column("e", "last"),
    )
    rows = (
        ("1 → 2 → 3", Toned("≠", Tone.BAD), 3e-6, (3, 7, 7), "|end"),
        ("x", "=", 4e-6, (64, 112, 112), "|end"),
        ("né … ±", "≈ ≤", None, None, "|end"),
    )
    report = Report("≠", (Table(columns, rows),), {}, facts=(("a → b", "one"), ("c", "two")))
    lines = rendered(report, Format.TABLE, encoding).splitlines()
    assert len({line.index("|end") for line in lines if "|end" in line}) == 1
    facts = [line for line in lines if line.endswith(("one", "two"))]
    assert len({re.search("one|two", line).start() for line in facts}) == 1  # type: ignore[union-attr]
    head = next(line for line in lines if "time" in line)
    assert {"utf-8": "µs", "ascii": "us"}.get(encoding, "µs") in head


def test_markdown_escapes_the_form_and_not_the_sign() -> None:
    """A "~=" or "<=" in a cell is not taken for Markdown's or HTML's own."""
    table = Table((Column("a", "a"),), (("≈ ≤",),))
    text = rendered(Report("title", (table,), {}), Format.MD, "ascii")
    assert "| \\~= \\<= |" in text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bug_is_told_whatever_it_says(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traceback and all."""

    def broken(*given: object, **named: object) -> None:
        raise RuntimeError("3×3 → 网")

    monkeypatch.setattr("archbench.commands.registry.command.list_report", broken)
    err = Stream(encoding)
    monkeypatch.setattr(sys, "stderr", err)
    assert run(["list"]) == 70
    assert f"RuntimeError: {carried('3×3 → 网', encoding)}" in err.text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_bar_can_be_drawn(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of that encoding."""
    err = Stream(encoding, terminal=True)
    never_fail([err])
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    with progress("measuring → all") as tell:
        tell(0.5, 3.0)
    assert "about 0:00:03 left" in err.text


def test_a_file_is_utf_8_whatever_the_terminal_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines end with a line feed on every system."""
    monkeypatch.setattr(sys, "stdout", Stream("ascii"))
    path = tmp_path / "list.md"
    assert run(["list", "-o", str(path)]) == 0
    text = path.read_bytes().decode("utf-8")
    assert "×" in text
    assert "\r" not in text
    with destination(None, tmp_path / "odd.csv") as out:  # a name that is no text
        out.write(Report("title", (Table((Column("a", "a"),), (("caf\udce9.py",),)),), {}))
    assert (tmp_path / "odd.csv").read_bytes() == b"a\ncaf\\udce9.py\n"


WRITING = re.compile("[wxa]")


def test_every_file_is_written_with_one_kind_of_line_end() -> None:
    r"""Opened for text with newline= "\n" or "", else Windows writes "\r\n"."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = {word.arg: word.value for word in node.keywords}
            words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            modes = [word for word in words if isinstance(word, str) and WRITING.search(word)]
            writes = called == "write_text" or (
                called in ("open", "NamedTemporaryFile") and modes and "b" not in modes[0]
            )
            if writes:
                assert "newline" in given, f"{path.name}, line {node.lineno}"


# -- real processes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "encoding", "line", "said"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "compare resnet20 googlenet --no-bench", "!="),
        ({"PYTHONIOENCODING": "cp437"}, "cp437", "reproduce googlenet-table1", "7x7/2 ="),
        ({"PYTHONIOENCODING": "utf-16"}, "utf-16", "summary resnet20", "32×32"),
        (
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            "ascii",
            "summary resnet20",
            "32x32",
        ),
        ({"PYTHONIOENCODING": "ascii", "TYPER_USE_RICH": "0"}, "ascii", "info --help", "Usage"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_process_with_another_encoding(
    variables: dict[str, str], encoding: str, line: str, said: str
) -> None:
    """Ends with 0, and what it printed is text of that encoding."""
    command = [sys.executable, "-m", "archbench", *line.split()]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LC_", "LANG"))}
    done = subprocess.run(command, env={**env, **variables}, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert said in done.stdout.decode(encoding)


# -- streams that break ----------------------------------------------------------------------------


@pytest.mark.parametrize(("platform", "code"), [("win32", 0), ("linux", 2)])
def test_a_pipe_that_was_closed_has_another_name_on_windows(
    platform: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`archbench list | more` and "q": EINVAL there, which elsewhere is an error."""

    class Closed(Stream):
        def write(self, text: str) -> int:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr("archbench.shell.ending._let_go_of_stdout", lambda: None)
    monkeypatch.setattr(sys, "stdout", Closed("utf-8"))
    err = Stream("utf-8")
    monkeypatch.setattr(sys, "stderr", err)
    with monkeypatch.context() as patched:
        patched.setattr(
            "archbench.shell.ending.sys",
            SimpleNamespace(platform=platform, stdout=sys.stdout, stderr=sys.stderr),
        )
        assert run(["list", "-f", "csv"]) == code
    assert (err.text == "") == (code == 0)


def test_a_file_that_is_open_elsewhere_is_refused_and_the_result_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows refuses to replace an open file, perhaps after minutes of measuring."""
    path = tmp_path / "list.csv"
    path.write_text("old")

    def open_elsewhere(self: Path, target: Path) -> Path:
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(Path, "replace", open_elsewhere)
    assert run(["list", "-o", str(path)]) == 2
    monkeypatch.undo()
    said, hint = capsys.readouterr().err.strip().split("\n")
    assert "cannot be replaced: the process cannot access the file" in said
    (kept,) = set(tmp_path.iterdir()) - {path}
    assert f"'{kept}'" in hint
    assert kept.suffix == ".csv"
    assert kept.read_text(encoding="utf-8").startswith("name,")
    assert path.read_text() == "old"
