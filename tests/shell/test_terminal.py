"""Every command on a terminal whose screen is read back: bars vanish, results stay whole."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

pytest.importorskip("termios", reason="there are no pseudo-terminals on this system")

from archbench.app import run
from archbench.gates.time.pairing import Sides
from archbench.gates.time.pairs import Pair
from archbench.shell import interrupt
from archbench.timing.jobs import Job
from archbench.timing.sessions import launch as launching
from tests.gates.structure.test_check import CELLS, NET
from tests.gates.time.test_time_gate import commit, git, with_ratio
from tests.machines import made_up
from tests.terminal import Terminal, shown, standing_in

CTRL_C = b"\x03"
HIDES_THE_CURSOR = b"\x1b[?25l"
WIDTHS = [80, 200]


class Command(NamedTuple):
    """A command, and what it shows besides its result.

    Args:
        line: as it is typed.
        bar: the words before its bar; empty where it has none.
        beside: lines on standard error: what models print, and warnings.
        code: it ends with.
    """

    line: str
    bar: str = ""
    beside: tuple[str, ...] = ()
    code: int = 0


SAID = ("said",)  # by a model, in the process that stands in for a worker
# there the second of two models always takes longer, also than itself
CONTAMINATED = "archbench: 1 cell is contaminated; --strict would exit 4"
COMMANDS = [
    Command("bench resnet20 -b 1,8", "measuring", SAID),
    Command("bench resnet20 --fits 8MiB", "measuring", SAID),
    Command("bench resnet20 --layers --sessions 2", "measuring", SAID),
    Command("compare resnet20 plain20", "measuring", SAID),
    Command("doctor --max-time 15", "measuring noise", SAID),
    Command("lock", "counting"),
    Command("check", "checking"),
    Command("check --base HEAD", "measuring"),
    Command("check --against net.py:Small", "measuring", (*SAID, CONTAMINATED)),
    Command("claims factorisation.*", "testing"),
    Command("reproduce module-cost", "recomputing"),
    Command("selftest resnet20 --aa 1 --inject 10 --runs 1 --resample 9", "testing"),
    Command("init-ci --github --requirement archbench==0.1.0", "counting"),
    Command("explain resnet20 --no-run", "counting"),
    Command("list"),
    Command("info resnet50"),
    Command("summary googlenet"),
]
WITH_BARS = [command for command in COMMANDS if command.bar]


@pytest.fixture
def project(
    machine: Callable[[], list[Job]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A repository with a locked network, on a machine that is made up and a terminal that is not.

    Whatever would take long has an answer at once.
    """

    def run_pair(pair: Pair, sides: Sides) -> Pair:
        return with_ratio(pair, 0.0)

    monkeypatch.setattr("archbench.gates.time.pairing.run_pair", run_pair)
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(NET)
    (folder / "archbench.toml").write_text(CELLS)
    assert run(["lock"]) == 0
    git("init", "-q", ".")
    git("add", "-A")
    commit("one")
    return folder


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.line)
def test_the_screen_holds_the_result_and_nothing_of_the_bar(
    project: Path, command: Command, columns: int
) -> None:
    """The screen shows standard output as a pipe has it, and the lines on standard error."""
    terminal = Terminal(columns)
    with standing_in(terminal) as out:
        code = run(command.line.split())
    lines = terminal.close()
    assert [line for line in lines if line not in command.beside] == shown(out.written, columns)
    assert set(command.beside) <= set(lines)
    assert code == command.code
    assert out.written.strip()
    assert f"{command.bar} ".encode() in terminal.received
    assert (HIDES_THE_CURSOR in terminal.received) == bool(command.bar)
    assert not terminal.screen.cursor.hidden
    assert terminal.screen.cursor.x == 0


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", WITH_BARS, ids=lambda command: command.line)
def test_ctrl_c_takes_the_bar_away(
    project: Path, monkeypatch: pytest.MonkeyPatch, command: Command, columns: int
) -> None:
    """Exit code 130, the cursor is back, what was written before stays, and no file is."""

    def pressed() -> None:
        if sys.stderr is not err:  # a bar stands in front of it
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(interrupt, "check", pressed)
    before = files(project)
    # a shell's background processes are started with Ctrl-C ignored
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal = Terminal(columns)
    with standing_in(terminal) as out:
        err = sys.stderr
        code = run(command.line.split())
    signal.signal(signal.SIGINT, ignored)
    assert terminal.close() == shown(out.written, columns)
    assert code == 130
    assert HIDES_THE_CURSOR in terminal.received
    assert not terminal.screen.cursor.hidden
    assert terminal.screen.cursor.x == 0
    assert files(project) == before


def files(folder: Path) -> list[Path]:
    """Return what lies in a project, but for git's own and the gates that `selftest` records."""
    return sorted(p for p in folder.rglob("*") if not {".git", "selftest"} & {*p.parts})


def test_ctrl_c_at_the_keyboard_ends_every_process(tmp_path: Path) -> None:
    """While a real worker measures: exit code 130, no bar, no traceback, no file, no draft."""
    terminal = Terminal(80)
    argv = ["compare", "resnet20", "plain20", "--max-time", "60", "-o", str(tmp_path / "out.json")]
    with terminal.start(sys.executable, "-m", "archbench", *argv) as child:
        workers: list[psutil.Process] = []
        while not workers and child.poll() is None:
            time.sleep(0.1)
            workers = psutil.Process(child.pid).children(recursive=True)
        terminal.type(CTRL_C)
    assert child.returncode == 130
    assert terminal.close() == []
    assert b"measuring" in terminal.received
    assert not terminal.screen.cursor.hidden
    assert list(tmp_path.iterdir()) == []
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


def test_what_a_model_prints_without_an_end_of_line_is_shown(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text is shown unchanged: square brackets are no markup."""
    printed = "layers\n[bold]0 of 9"
    monkeypatch.setattr(launching, "launch", lambda job, variables: (made_up(job), printed))
    terminal = Terminal(80)
    with standing_in(terminal) as out:
        assert run(["bench", "resnet20"]) == 0
    assert terminal.close() == [*printed.split("\n"), *shown(out.written, 80)]


def test_a_file_gets_no_bar(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither where colours are forced, as in some CIs, nor on a terminal without a cursor."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert run(["check"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal(80)
    with standing_in(terminal) as out:
        assert run(["check"]) == 0
    assert terminal.close() == shown(out.written, 80)
    assert b"\x1b" not in terminal.received
