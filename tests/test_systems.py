"""Windows and macOS: no code needs POSIX by accident, and each Linux trick has a fallback.

Platforms are faked here. The jobs of .github/workflows/ci.yml run the suite on real ones.
"""

import ast
import ntpath
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

import archbench
from archbench.app import run
from archbench.errors import ArchbenchError
from archbench.gates.records import Verdict
from archbench.gates.rules import Rules
from archbench.gates.structure.configuration import find_project
from archbench.gates.structure.selection import from_root
from archbench.gates.time.pairing import Sides, core_of_both
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.gates.time.records import TimeGate
from archbench.gates.time.report import time_gate_report
from archbench.networks.names import relative
from archbench.networks.resolve import load
from archbench.shell import interrupt
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine import limits, processor, system_memory
from archbench.timing.sessions import ceilings
from archbench.timing.sessions.launch import worker_variables
from tests.machines import HERE
from tests.repository import ROOT
from tests.systems import needs_linux

PACKAGE = Path(archbench.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Where POSIX's own calls may stand, each behind a look at sys.platform.
OF_ONE_SYSTEM = {
    "timing/processes/children.py": {"killpg", "SIGKILL"},
    "timing/processes/lifeline.py": {"SIGKILL"},
}
POSIX_MODULES = set("resource fcntl pwd grp termios tty pty posix syslog spwd crypt".split())
POSIX_NAMES = set(
    "killpg getpgid getpgrp setpgid setpgrp setsid getsid fork forkpty waitid wait3 wait4 "
    "WNOHANG WNOWAIT WEXITED P_PID sched_getaffinity sched_setaffinity sched_yield nice getuid "
    "geteuid getgid getegid setuid getpriority setpriority getloadavg mkfifo mknod chown lchown "
    "uname sysconf confstr pathconf ttyname openpty posix_spawn register_at_fork getrlimit "
    "setrlimit getrusage SIGKILL SIGHUP SIGQUIT SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGSTOP "
    "SIGCONT alarm setitimer pause sigwait pthread_kill prctl preexec_fn pass_fds".split()
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_leans_on_posix_but_what_says_so(path: Path) -> None:
    """No module is imported that Windows lacks, nor a name of os or signal used."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = OF_ONE_SYSTEM.get(path.relative_to(PACKAGE).as_posix(), set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not POSIX_MODULES & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in POSIX_MODULES
            assert not POSIX_NAMES & {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("os", "signal", "subprocess"):
                assert node.attr not in POSIX_NAMES - allowed
        elif isinstance(node, ast.keyword):
            assert node.arg not in POSIX_NAMES


def test_what_may_lean_on_posix_still_does() -> None:
    """The list of exceptions holds nothing that is gone."""
    for name, names in OF_ONE_SYSTEM.items():
        text = (PACKAGE / name).read_text(encoding="utf-8")
        assert "sys.platform" in text
        assert all(f".{one}" in text for one in names)


LACKS = {
    "win32": POSIX_NAMES - {"SIGKILL"},  # which Popen.kill() of this system needs
    "darwin": {"sched_getaffinity", "sched_setaffinity", "waitid"},
}
ELSEWHERE = """
import os, signal, sys
import torch, pandas, typer, rich.console, rich.table, rich.progress, psutil, typer.rich_utils
import subprocess, tempfile, fvcore.nn
if sys.argv[1] == "win32":
    for name in "resource fcntl pwd grp termios tty pty".split():
        sys.modules[name] = None  # importing it raises
for name in sys.argv[2].split():
    for module in (os, signal):
        if hasattr(module, name):
            delattr(module, name)
subprocess._USE_POSIX_SPAWN = False  # decided when it was imported
for name in ("cpu_affinity", "rlimit"):
    delattr(psutil.Process, name)
for name in [name for name in vars(psutil) if name.startswith("RLIM")]:
    delattr(psutil, name)
sys.platform = sys.argv[1]
from archbench.app import run
from archbench.shell import interrupt
interrupt.watch()
assert not [name for name in sys.modules if name == "archbench.timing.worker.main"]
sys.exit(run(sys.argv[3:]))
"""


@needs_linux("its own names are taken away")
@pytest.mark.parametrize("platform", ["win32", "darwin"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--help", "compare"),
        ("list -f csv", "resnet50"),
        ("summary resnet20 --cross-check", "fvcore"),
        ("compare resnet20 plain20 --no-bench -f md", "plain20"),
        ("bench resnet20 --sessions 1 --max-time 60 --threads 1", "resnet20"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_commands_work_where_posix_s_names_are_missing(platform: str, line: str, said: str) -> None:
    """Imports that fail, attributes that are not there, and the name of another system.

    The worker of bench is a process of its own, and runs on this system as it is.
    """
    command = [sys.executable, "-c", ELSEWHERE, platform, " ".join(LACKS[platform]), *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


COLLECTED = """
import os, signal, sys
import pytest, torch, psutil, pandas, xmlschema, hypothesis, matplotlib
for name in "resource fcntl pwd grp termios tty pty".split():
    sys.modules[name] = None
for name in sys.argv[1].split():
    for module in (os, signal):
        if hasattr(module, name):
            delattr(module, name)
how = "--collect-only -q -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
how += " -W ignore::DeprecationWarning"  # of Click, by older releases of Typer
sys.exit(pytest.main([*how.split(), *sys.argv[2:]]))
"""


@needs_linux("its own names are taken away")
def test_every_test_is_collected_where_posix_s_names_are_missing() -> None:
    """Tests that need such names are skipped, or look for them when they run."""
    lacks = " ".join(POSIX_NAMES - {"SIGKILL"})
    command = [sys.executable, "-c", COLLECTED, lacks, str(ROOT / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "test_cli.py" in done.stdout


# -- measuring -------------------------------------------------------------------------------------


@pytest.fixture
def macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that keeps no process to a core, and bounds no memory."""
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    monkeypatch.delattr(psutil.Process, "rlimit", raising=False)
    monkeypatch.delattr(psutil, "RLIMIT_DATA", raising=False)


SIDES = Sides(*[(Cell("resnet20", threads=1), Path())] * 2)


def test_without_affinity_both_sides_are_free(macos: None) -> None:
    """All cores are visible, and none is shared."""
    assert processor.movable_cores() is None
    assert core_of_both(SIDES, SimpleNamespace(choice=pytest.fail)) is None  # type: ignore[arg-type]
    cores = processor.visible_cores()
    assert cores is not None
    assert cores == tuple(range(len(cores)))


def test_a_process_is_kept_to_a_core_by_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which knows Linux's call and Windows'."""
    asked: list[object] = []

    def cpu_affinity(self: psutil.Process, cores: list[int] | None = None) -> list[int]:
        asked.append(cores)
        return [5, 2]

    monkeypatch.setattr(psutil.Process, "cpu_affinity", cpu_affinity, raising=False)
    assert processor.movable_cores() == (2, 5)
    processor.compute_on(2)
    assert asked == [None, [2]]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_only_linux_is_asked_for_huge_pages(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the variable's name in a record means that they were asked for."""
    monkeypatch.setattr(sys, "platform", platform)
    fixed = worker_variables(Job((Cell("resnet20", threads=1),), 0, 0, huge_pages=True))
    assert ("GLIBC_TUNABLES" in fixed) == (platform == "linux")
    assert fixed["OMP_NUM_THREADS"] == "1"


PLAN = GatePlan(("a",), "control", "base", "head", Rules())
PAIR = Pair("a", "screen", 0, False, 0, "base", base=((9,),), head=((9,),))
LINUX = replace(HERE, threads=1, variables={"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})
ON_A_SYSTEM = {
    "Linux": (LINUX, 3, False, []),
    "Windows": (replace(LINUX, system="Windows AMD64", variables={}), 3, False, ["huge pages"]),
    "macOS": (
        replace(LINUX, system="Darwin arm64", variables={}),
        None,
        False,
        ["Darwin could not keep both sides to one core and take all memory"],
    ),
    "one process": (replace(LINUX, variables={}), None, True, ["Linux could not take all memory"]),
    "two threads": (replace(LINUX, threads=2), None, False, []),
    "a GPU": (replace(LINUX, device="cuda:0", variables={}), None, False, []),
}


@pytest.mark.parametrize("name", ON_A_SYSTEM)
def test_the_time_gate_says_what_a_system_could_not_do(name: str) -> None:
    """Under its table, and what that means for the verdicts."""
    env, core, one_process, said = ON_A_SYSTEM[name]
    pairs = (replace(PAIR, core=core, environment=env),)
    gate = TimeGate(replace(PLAN, one_process=one_process), pairs, (Verdict("a", "time", "ok"),))
    notes = [note for note in time_gate_report(gate).notes if "could not" in note]
    assert len(notes) == len(said)
    for note, words in zip(notes, said, strict=True):
        assert words in note
        assert "false alarms do not" in note


def test_without_limits_a_worker_is_not_bound(macos: None) -> None:
    """A missing limit makes nothing fail."""
    assert not limits.can_limit()
    limits.limit_memory(torch.device("cpu"), None)


def test_where_no_process_is_bound_what_cannot_fit_is_not_run(
    macos: None,
    machine: Callable[[], list[Job]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The computed peak decides: the cell is out of memory, and is not run."""
    monkeypatch.setattr(system_memory, "available_bytes", lambda: 5 * 2**20)
    with pytest.warns(UserWarning, match="at batch 64 was not run: it takes .* 5.00 MiB are left"):
        found = archbench.bench("resnet20", batch_size=[1, 64], device="cpu", sessions=2)
    assert [timing.sessions for timing in found.timings] == [2, 0]
    assert found.timings[1].flags == ("oom",)
    assert {job.cells[0].batch_size for job in machine()} == {1}
    monkeypatch.setattr(system_memory, "available_bytes", lambda: 2**40)
    found = archbench.bench("resnet20", batch_size=64, device="cpu", sessions=2)
    assert found.timings[0].sessions == 2


def test_windows_names_its_processor_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python knows family, model and stepping only, which stay where there is no entry."""

    class Key:
        def __enter__(self) -> "Key":
            return self

        def __exit__(self, *error: object) -> None:
            pass

    def value(key: Key, name: str) -> tuple[str, int]:
        assert name == "ProcessorNameString"
        return "  AMD EPYC 7763 64-Core Processor  ", 1

    registry = SimpleNamespace(
        HKEY_LOCAL_MACHINE=1, OpenKey=lambda root, place: Key(), QueryValueEx=value
    )
    monkeypatch.setattr(processor.platform, "system", lambda: "Windows")
    monkeypatch.setattr(processor.platform, "processor", lambda: "AMD64 Family 25")
    monkeypatch.setitem(sys.modules, "winreg", registry)  # type: ignore[arg-type]
    assert processor.processor_name("") == "AMD EPYC 7763 64-Core Processor"

    def missing(root: int, place: str) -> Key:
        raise FileNotFoundError(2, "no such key")

    registry.OpenKey = missing
    assert processor.processor_name("") == "AMD64 Family 25"


def test_every_signal_that_a_system_has_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no SIGHUP, and SIGBREAK in its place."""
    caught: list[int] = []
    fake = SimpleNamespace(SIGINT=2, SIGTERM=15, SIGBREAK=21)
    fake.signal = lambda number, handler: caught.append(number)
    monkeypatch.setattr(interrupt, "signal", fake)
    interrupt.watch()
    assert caught == [2, 15, 21]
    assert signal.getsignal(signal.SIGINT) is not interrupt._note


# -- files -----------------------------------------------------------------------------------------

CACHES = [
    ("linux", {}, ".cache"),
    ("linux", {"XDG_CACHE_HOME": "here"}, ".cache"),  # not absolute: to be ignored
    ("darwin", {}, "Library/Caches"),
    ("win32", {}, ".cache"),
]


@pytest.mark.parametrize(("platform", "variables", "wanted"), CACHES)
def test_caches_lie_where_each_system_keeps_them(
    platform: str,
    variables: dict[str, str],
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The default lies in the home folder. $XDG_CACHE_HOME and %LOCALAPPDATA% name others."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert ceilings.cache_folder() == tmp_path / wanted / "archbench"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    if platform == "win32":
        assert ceilings.cache_folder() == tmp_path / "local" / "archbench"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert ceilings.cache_folder() == tmp_path / "xdg" / "archbench"


def test_who_has_no_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home measures anew each time."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert ceilings.cache_folder() is None
    measured: list[int] = []
    for _ in range(2):
        ceilings.ceilings_of("x", "fp32", lambda: measured.append(1))  # type: ignore[arg-type, func-returns-value]
    assert len(measured) == 2


def test_ways_have_slashes_and_end_at_a_drive() -> None:
    """The expected paths come from Windows' own path functions."""
    assert relative(r"C:\a\b\net.py", r"C:\a", ntpath) == "b/net.py"
    assert relative(r"C:\a\net.py", r"C:\a\b", ntpath) == "../net.py"
    assert relative(r"D:\nets\net.py", r"C:\a", ntpath) == "D:/nets/net.py"


@pytest.mark.parametrize("model", [r"C:\x\net.py", "C:/x/net.py", r"x\net.py", "C:net.py"])
def test_a_path_with_a_drive_is_a_file_without_a_factory(model: str) -> None:
    """Not a module named C."""
    with pytest.raises(ArchbenchError, match="names a file, but nothing in it"):
        load(model)


def test_a_path_with_a_drive_and_a_factory_is_looked_for() -> None:
    """The last colon stands before the factory."""
    with pytest.raises(ArchbenchError, match="there is no file 'C:"):
        load(r"C:\x\net.py:build")
    with pytest.raises(ArchbenchError, match="there is no module named 'm'"):
        load("m:make")


def test_a_configuration_says_the_same_on_every_system(tmp_path: Path) -> None:
    """A cell that was declared with backslashes has the name that others lock."""
    text = "[[cells]]\nmodel = 'nets\\net.py:Small'\n"
    (tmp_path / "archbench.toml").write_text(text)
    (cell,) = find_project(tmp_path).cells
    assert (cell.name, cell.model) == ("nets/net.py:Small", "nets/net.py:Small")


def test_a_cell_is_found_by_a_path_with_backslashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell of Windows completes such a path. The cell keeps its declared settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.py").write_text("from torch import nn\nSmall = nn.Identity\n")
    text = "[[cells]]\nmodel = 'nets/net.py:Small'\ninput_size = '3x8x8'\n"
    (tmp_path / "archbench.toml").write_text(text)
    assert run(["lock", r"nets\net.py:Small"]) == 0
    assert run(["check"]) == 0
    assert '"nets/net.py:Small"' in (tmp_path / "archbench.lock.json").read_text()
    assert from_root(str(tmp_path / "nets" / "net.py:Small"), tmp_path) == "nets/net.py:Small"
    assert r"nets\net" not in capsys.readouterr().out
