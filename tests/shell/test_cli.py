"""The commands as a user types them: what they print, where, and how they end."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import archbench
from archbench.app import run
from archbench.shell import interrupt
from tests.command_line import succeed
from tests.repository import ROOT
from tests.systems import needs_posix

comparing = import_module("archbench.commands.compare.run")  # archbench.compare is the function


REFUSED = [
    (["summary", "gogle"], 2, "no architecture named 'gogle'", "did you mean 'googlenet'"),
    (["compare", "resnet34", "plain43", "--no-bench"], 2, "'plain43'", "did you mean 'plain"),
    (["compare", "resnet34"], 2, "two models or more", "archbench compare"),
    (["summary", "missing.py:build"], 2, "no file 'missing.py'", "MODEL is"),
    (["summary", "nets.py"], 2, "names a file, but nothing in it", "nets.py:build"),
    (["summary", "nets.py:bild", "-i", "3x8x8"], 2, "nothing named 'bild'", "nets.py:build"),
    (["summary", "nets.py:zzz", "-i", "3x8x8"], 2, "nothing named 'zzz'", "it defines Net, Two"),
    (["summary", "no.such.pkg:Net", "-i", "3x8x8"], 2, "no module named 'no.such.pkg'", "MODEL is"),
    (["summary", "mypkg.nope:Net", "-i", "3x8x8"], 2, "no module named 'mypkg.nope'", "MODEL is"),
    (["summary", "nets.py:number", "-i", "3x8x8"], 2, "is an int, not a function", ""),
    (["summary", "nets.py:nothing", "-i", "3x8x8"], 2, "returned an int, not a torch.nn", ""),
    (["summary", "nets.py:ready", "-i", "8", "--model-kwargs", "a=1"], 2, "takes no arguments", ""),
    (["summary", "nets.py:build"], 2, "needs an input size", "3x224x224"),
    (["summary", "nets.py:raises", "-i", "3x8x8"], 3, "RuntimeError: factory is closed", "--debug"),
    (["summary", "broken.py:build"], 3, "ModuleNotFoundError: No module named 'there", "--debug"),
    (["summary", "exits.py:build"], 3, "importing 'exits.py' raised SystemExit", "--debug"),
    (["summary", "nets.py:Fails", "-i", "3x8x8"], 3, "ValueError: no such luck", "--debug"),
    (["summary", "nets.py:Leaves", "-i", "3x8x8"], 3, "SystemExit", "--debug"),
    (["summary", "nets.py:build", "-i", "4x8x8"], 3, r"conv (Conv2d) on an input of 1x4x8x8", ""),
    (["summary", "nets.py:build", "-i", "8", "--model-kwargs", "wide=2"], 2, "wide", "--model-kw"),
    (["summary", "nets.py:build", "-i", "8", "--model-kwargs", "wide"], 2, "name=value", ""),
    (
        ["summary", "googlenet", "--model-kwargs", "widht=2"],
        2,
        "no argument 'widht'",
        "num_classes",
    ),
    (["summary", "googlenet", "-i", "3y224"], 2, "'3y224' is not an input size", "3x224x224"),
    (["summary", "googlenet", "-i", ""], 2, "'' is not an input size", "3x224x224"),
    (["summary", "googlenet", "-i", "3x0x224"], 2, "0 is not positive", "3x224x224"),
    (["summary", "googlenet", "--input-size=-3x224x224"], 2, "-3 is not positive", "3x224x224"),
    (["summary", "googlenet", "-i", "a:b:c:d"], 2, "not an input size", "3x224x224"),
    (
        ["summary", "googlenet", "-i", "x:flot:3x4"],
        2,
        "'flot' in 'x:flot:3x4' is not a dtype",
        "int",
    ),
    (["summary", "googlenet", "-i", "y:float32:3x4"], 2, "no input named 'y'", "it takes x"),
    (["summary", "googlenet", "-i", "1x224x224"], 2, "cannot take an input of 1x224", "3x224x224"),
    (["summary", "resnet50", "-i", "3x224"], 2, "cannot take an input of 3x224", "3x224x224"),
    (["summary", "googlenet", "--aux", "-i", "8"], 2, "cannot take an input of 3x8x8", "own input"),
    (["summary", "googlenet", "-b", "0"], 2, "batch size 0", "-b 1"),
    (["summary", "googlenet", "-d", "cuda"], 2, "no 'cuda' device", "-d cpu"),
    (["summary", "googlenet", "-d", "gpu"], 2, "'gpu' is not a device", "cuda"),
    (["compare", "resnet20", "plain20", "-d", "cuda"], 2, "no 'cuda' device", "-d cpu"),
    (
        ["summary", "googlenet", "-o", "no/such/dir/x.csv"],
        2,
        "cannot be written",
        "existing folder",
    ),
    (["summary", "googlenet", "-o", "mypkg"], 2, "it is a folder", "existing folder"),
    (
        ["summary", "googlenet", "-f", "json", "-o", "x.csv"],
        2,
        "contradicts the suffix",
        "leave out",
    ),
    (["summary", "googlenet", "-f", "yaml"], 2, "yaml", "--help"),
    (["summary", "googlenet", "--no-such"], 2, "no such option", "`archbench summary --help`"),
    (["summary"], 2, "missing argument", "`archbench summary --help`"),
    (["sumary", "googlenet"], 2, "no such command 'sumary'", "`archbench --help`"),
    (["list", "--family", "vgg"], 2, "no family 'vgg'", "baseline, inception, plain, resnet"),
    (["summary", ":build", "-i", "8"], 2, "':build' is not a MODEL", "MODEL is"),
    (["summary", "nets.py:", "-i", "8"], 2, "'nets.py:' is not a MODEL", "MODEL is"),
    (["summary", "..:x", "-i", "8"], 2, "neither a module's name nor a Python file", "MODEL is"),
    (["summary", "nets.py:wait", "-i", "8"], 2, "returned a coroutine", ""),
    (["summary", "red\033[31m\n\tx"], 2, r"named 'red\x1b[31m\n\tx'", "archbench list"),
    (["summary", "y" * 5000], 2, "yyyy", "archbench list"),
    (["summary", "resnet20", "--layers", "--depth", "2"], 2, "--layers shows", "choose one"),
    (["summary", "resnet20", "-i", "1_0"], 2, "'1_0' is not an input size", "3x224x224"),
    (["summary", "resnet20", "-b", "9" * 30], 2, "larger than any tensor", "smaller -b"),
    (["summary", "resnet20", "-o", "loop.csv"], 2, "cannot be written", "existing folder"),
    (["summary", "resnet20", "-o", "y" * 300 + ".csv"], 2, "cannot be written", "existing folder"),
    (["compare", "resnet20", "plain20", "-b", "100000000"], 2, "not fit into memory", "smaller -b"),
    (["compare", "resnet20", "plain20", "--threads", "99999"], 2, "--threads", "--help"),
    (["list", "resnet18", "--family", "plain"], 2, "of the family 'plain' matches", "list"),
    (["info", "inception"], 2, "named 'inception'", "did you mean 'inception-v"),
    (["info", "nets.py:Two"], 2, "named 'nets.py:Two'", "archbench list"),
    (
        ["summary", "vgg16", "--model-kwargs", "weights=a.pth"],
        *(2, "weights change no count", "archbench.build"),
    ),
    (["summary", "vgg16", "-i", "160"], 2, "cannot take an input of 3x160x160", "3x224x224"),
    (["summary", "inception-v4", "--aux", "-i", "224"], 2, "cannot take", "3x299x299"),
    (
        ["summary", "inception-resnet-v1", "--aux"],
        2,
        "no argument 'aux'",
        "num_classes, residual_scale",
    ),
    (["summary", "inception-module", "--aux"], 2, "no argument 'aux'", "it takes none"),
    (["list", "resnet"], 2, "matches 'resnet'", "'*resnet*'"),
    (["list", "zzz*"], 2, "matches 'zzz*'", "archbench list"),
    (["summary", "torchvision:resnet5O"], 2, "torchvision", ""),
]


@pytest.mark.parametrize(("argv", "code", "line", "hint"), REFUSED, ids=lambda v: str(v)[:60])
def test_bad_input_gets_one_line_one_hint_and_its_exit_code(
    nets: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, line: str, hint: str
) -> None:
    """No traceback, nothing on standard output."""
    if "cuda" in argv and __import__("torch").cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert run(argv) == code
    captured = capsys.readouterr()
    assert "-o" in argv or "-b" in argv or captured.out == ""
    lines = captured.err.strip().split("\n")
    assert lines[0].startswith("archbench: ")
    assert line in lines[0]
    if hint:
        assert lines[1].startswith("hint: ")
        assert hint in lines[1]
    assert len(lines) <= 2


def test_debug_shows_the_traceback(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's own line is in it."""
    assert run(["summary", "nets.py:Fails", "-i", "3x8x8", "--debug"]) == 3
    err = capsys.readouterr().err
    assert 'raise ValueError("no such luck")' in err
    assert err.strip().split("\n")[-2].startswith("archbench: ")


def test_a_bug_is_called_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What archbench did not foresee ends with 70 and a traceback to report."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("archbench.commands.registry.command.list_report", fail)
    assert run(["list"]) == 70
    assert "ZeroDivisionError" in (err := capsys.readouterr().err)
    assert "bug in archbench" in err


@pytest.mark.parametrize("suffix", ["csv", "json", "md", "txt"])
def test_output_goes_to_a_file_in_the_format_of_its_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """The same text as on standard output, and nothing there."""
    form = {"txt": "table"}.get(suffix, suffix)
    expected = succeed(capsys, "summary", "resnet20", "-f", form)
    path = tmp_path / f"out.{suffix}"
    path.write_text("old")
    path.chmod(0o640)
    assert succeed(capsys, "summary", "resnet20", "-o", str(path)) == ""
    assert path.read_text() == expected
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_command_leaves_an_existing_file_alone(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no draft beside it."""
    before = sorted(nets.iterdir())
    (nets / "out.json").write_text("precious")
    assert run(["summary", "nets.py:Fails", "-i", "3x8x8", "-o", "out.json"]) == 3
    assert (nets / "out.json").read_text() == "precious"
    assert sorted(nets.iterdir()) == sorted([*before, nets / "out.json"])


@needs_posix("links, and /dev/null")
def test_a_link_is_written_through_and_a_device_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-o of a symbolic link changes its target; -o /dev/null stays /dev/null."""
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    succeed(capsys, "list", "-o", str(link))
    assert link.is_symlink()
    assert target.read_text().startswith("name,")
    succeed(capsys, "list", "-f", "csv", "-o", "/dev/null")
    assert not Path("/dev/null").is_file()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--version, no command at all, and the exit codes in --help."""
    assert succeed(capsys, "--version") == f"archbench {archbench.__version__}\n"
    for argv in ((), ("--help",), ("-h",)):
        out = succeed(capsys, *argv)
        assert "summary" in out
        assert "Exit codes" in out
    coloured = succeed(capsys, "summary", "--help")  # as Typer does where it sees a CI
    assert "--cross-check" in re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def command(*argv: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archbench", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("argv", [["list"], ["--help"], ["summary", "resnet20", "--layers"]])
def test_a_closed_pipe_ends_quietly(argv: list[str]) -> None:
    """As with `| head`: exit code 0 and nothing on standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    child = subprocess.Popen(
        [sys.executable, "-m", "archbench", *argv], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert child.communicate(timeout=60)[1] == ""
    assert child.returncode == 0


@needs_posix("a shell closes standard output")
@pytest.mark.parametrize("argv", [["list"], ["list", "-f", "csv"], ["--help"], ["--version"]])
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_a_standard_output_that_takes_nothing_is_told_in_one_line(
    argv: list[str], where: str
) -> None:
    """A full disk, or `>&-`: exit code 2 and no traceback."""
    to = ">&-" if where == "closed" else f">{where}"
    shell = f"{shlex.join([sys.executable, '-m', 'archbench', *argv])} {to}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
    if where == "closed" and argv[0].startswith("--"):
        assert (done.returncode, done.stderr) == (0, "")  # Python drops what has nowhere to go
        return
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().split("\n")) <= 2
    assert done.stderr.startswith("archbench: ")


KEEPS = """
from torch import nn

class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

        def tables():
            y = yield
            while True:
                y = yield y.mean()

        self.tables = tables()
        next(self.tables)

    def forward(self, x):
        return self.tables.send(self.conv(x))
"""


def test_a_command_does_not_warn_of_tensors_that_a_network_keeps(tmp_path: Path) -> None:
    """They are gone with the process; Python's own warning would stand among the lines."""
    (tmp_path / "keeps.py").write_text(KEEPS)
    argv = [sys.executable, "-m", "archbench", "summary", "keeps.py:Keeps", "-i", "3x8x8"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3,888" in done.stdout


@needs_posix("a shell closes standard error")
def test_notices_go_nowhere_without_a_standard_error(tmp_path: Path) -> None:
    """After `2>&-` the data hold no line that is none of theirs, and an error keeps its code."""
    claim = ["claims", "factorisation.asymmetric-saving", "--plot", str(tmp_path), "-f", "csv"]
    for argv, code in (claim, 0), (["summary", "resnet2O"], 2):
        shell = f"{shlex.join([sys.executable, '-m', 'archbench', *argv])} 2>&-"
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
        assert done.returncode == code
        assert "archbench" not in done.stdout


def test_an_interrupt_that_an_import_swallowed_still_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written, it is looked for again."""
    monkeypatch.setattr(interrupt, "_pressed", threading.Event())
    with pytest.raises(KeyboardInterrupt):
        interrupt._note(signal.SIGINT, None)
    assert run(["summary", "resnet20"]) == 130
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "argv", [["list"], ["--help"], ["--version"], ["info", "vgg16", "-f", "json"]]
)
def test_torch_is_not_imported_where_it_is_not_needed(argv: list[str]) -> None:
    """`--help`, `--version` and `list` answer at once."""
    code = (
        "import sys; from archbench.app import run; code = run(sys.argv[1:]); "
        "heavy = {'torch', 'pandas', 'numpy', 'fvcore'} & set(sys.modules); "
        "sys.exit(code or (str(heavy) if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_completion_offers_architectures() -> None:
    """The shell's Tab knows the registry."""
    typed = {"COMP_WORDS": "archbench summary goo", "COMP_CWORD": "2"}
    child = command(env={**os.environ, **typed, "_ARCHBENCH_COMPLETE": "complete_bash"})
    assert "googlenet-torchvision" in child.communicate(timeout=60)[0].split()


def test_every_command_is_documented() -> None:
    """Each has a sentence, and stands in the README."""
    from archbench.app import app

    readme = (ROOT / "README.md").read_text()
    for info in app.registered_commands:
        callback: Callable[..., Any] | None = info.callback
        assert callback is not None
        assert callback.__doc__
        assert f"archbench {info.name}" in readme
