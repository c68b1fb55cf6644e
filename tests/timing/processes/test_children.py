"""Child processes on every system: real ones here, with the platform faked where it is another."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from archbench.timing.cells import Cell
from archbench.timing.jobs import Job, question_of
from archbench.timing.processes import children, lifeline, process_tree
from archbench.timing.processes.children import Child
from archbench.timing.sessions.deaths import death, killed_by

PATIENCE_S = 30.0  # an idle machine does each of these things at once
PLATFORMS = [sys.platform, *(["win32"] if os.name == "posix" else [])]

# A process that starts another of its kind, so many below each other, and tells all their numbers.
# The last one leaves its parent's group and session.
NESTED = """
import os, subprocess, sys, time
left = int(sys.argv[1])
print(os.getpid(), flush=True)
if left:
    own = [sys.executable, "-c", sys.argv[2], str(left - 1), sys.argv[2]]
    subprocess.Popen(own, start_new_session=left == 1)
time.sleep(600)
"""
BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); input()"


def gone(pids: list[int]) -> bool:
    """Whether all have ended, within the patience."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not any(process_tree.runs(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def started() -> Iterator[Callable[..., Child]]:
    """Start children, and leave none behind."""
    found: list[Child] = []

    def start(*words: str) -> Child:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        found.append(Child([sys.executable, "-c", *words], **pipes))
        return found[-1]

    yield start
    for child in found:
        if child.returncode is None:
            child.end()


# -- ending ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_child_ends_with_all_that_it_started(
    started: Callable[..., Child], monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """Three below each other, the last in a session of its own; on Windows there are no groups."""
    monkeypatch.setattr(sys, "platform", platform)
    if platform == "win32" and os.name == "posix":
        monkeypatch.delattr(os, "killpg")
    child = started(NESTED, "2", NESTED)
    pids = [int(child.answer()) for _ in range(3)]
    assert len(set(pids)) == 3
    child.end()
    assert gone(pids)
    assert child.returncode is not None


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_a_group_ends_whose_leader_has_ended(started: Callable[..., Child]) -> None:
    """A worker that crashed leaves nothing of what it started."""
    leaves = NESTED.replace("time.sleep(600)", "left == 1 or time.sleep(600)")
    leaves = leaves.replace("start_new_session=left == 1", "start_new_session=False")
    child = started(leaves, "1", leaves)
    pids = [int(child.answer()) for _ in range(2)]
    assert gone(pids[:1])
    assert process_tree.runs(pids[1])
    child.end()
    assert gone(pids)


def test_children_of_a_parent_that_ended_are_found_where_the_system_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows names the ended parent. An older process had another parent of that number."""

    class Process:
        def __init__(self, pid: int, ppid: int | None, born_s: float) -> None:
            self.pid, self.info, self.born_s = pid, {"ppid": ppid}, born_s

        def create_time(self) -> float:
            if self.born_s < 0:
                raise psutil.NoSuchProcess(self.pid)
            return self.born_s

    all_of_them = [
        Process(1, 0, 1.0),
        Process(50, 40, 20.0),  # 40, the worker, has ended
        Process(60, 50, 21.0),
        Process(55, 40, 9.0),  # of an earlier 40
        Process(65, 55, 22.0),
        Process(57, 40, -1.0),  # ended meanwhile
        Process(70, 1, 30.0),
        Process(80, None, 30.0),  # another user's
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda attributes: all_of_them)
    assert [process.pid for process in process_tree.below(40, 10.0)] == [50, 60]


def test_an_exit_code_stays_its_own(started: Callable[..., Child]) -> None:
    """A child that is let end is not killed."""
    child = started("import time; time.sleep(0.2); raise SystemExit(7)")
    child.let_end()
    child.end()
    assert child.returncode == 7


def test_who_does_not_end_is_not_waited_for_without_end(started: Callable[..., Child]) -> None:
    """A limit is kept; then it is killed."""
    child = started("input()")
    child.let_end(0.1)
    assert process_tree.runs(child.pid)
    child.end()
    assert child.returncode != 0


def test_a_line_for_a_child_that_is_gone_is_lost(started: Callable[..., Child]) -> None:
    """The child's next answer is empty."""
    child = started("pass")
    child.let_end()
    for _ in range(2):
        child.tell("x" * 100_000)
    assert child.answer() == ""


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EINVAL, errno.EIO])
def test_a_broken_pipe_has_another_name_on_windows(
    started: Callable[..., Child], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Any other error of writing a line is raised."""

    class Pipe:
        def write(self, text: str) -> None:
            raise OSError(code, os.strerror(code))

        def close(self) -> None:
            pass

    child = started("input()")
    assert child.stdin is not None
    child.stdin.close()
    monkeypatch.setattr(child, "stdin", Pipe())
    if code == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(code)):
            child.tell("a line")
    else:
        child.tell("a line")


def test_signs_of_a_child_come_through_whatever_the_locale(
    started: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model may print what an 8-bit console cannot show."""
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    assert started("print('\\u2192 \\u00d7')").answer() == "→ ×\n"


# -- the life of a worker --------------------------------------------------------------------------

PARENT = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
worker.wait()
"""
WORKER = """
import subprocess, sys, time, types
from archbench.timing.processes import lifeline
lifeline.WAKE_S = 0.5
if sys.argv[1] == "no prctl":
    lifeline.ctypes = types.SimpleNamespace(CDLL=lambda name: None)
else:
    sys.platform = sys.argv[1]
lifeline.end_with_parent()
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
import os
print(os.getpid(), own.pid, flush=True)
while True: pass
"""


@pytest.mark.parametrize("reaped", [True, False])
@pytest.mark.parametrize("platform", [sys.platform, "darwin", "win32", "no prctl"])
def test_a_worker_ends_when_its_parent_is_killed(platform: str, reaped: bool) -> None:
    """While it computes, whether somebody waits for the parent; with what it started.

    Linux's kernel ends the worker alone.
    """
    command = [sys.executable, "-c", PARENT, WORKER, platform]
    with Child(command, stdout=subprocess.PIPE) as parent:
        worker, own = map(int, parent.answer().split())
        assert process_tree.runs(worker)
        psutil.Process(parent.pid).kill()
        if reaped:
            parent.wait()
        try:
            assert gone([worker] if platform == "linux" else [worker, own])
        finally:
            for pid in (worker, own):
                if process_tree.runs(pid):
                    psutil.Process(pid).kill()


def test_waiting_for_the_parent_sleeps_in_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """For ten seconds at a time: a worker that looked again and again would disturb itself."""
    asked: list[object] = []
    ends = iter([psutil.TimeoutExpired(10), psutil.TimeoutExpired(10), None])

    class Process:
        def __init__(self, pid: int) -> None:
            asked.append(pid)

        def wait(self, limit_s: float) -> None:
            asked.append(limit_s)
            end = next(ends)
            if end is not None:
                raise end

    monkeypatch.setattr(lifeline.psutil, "Process", Process)
    monkeypatch.setattr(lifeline, "below", lambda pid, since_s: [])
    monkeypatch.setattr(lifeline, "born_s", lambda pid: 0.0)
    monkeypatch.setattr(lifeline.os, "getppid", lambda: 77)
    monkeypatch.setattr(lifeline.os, "_exit", asked.append)
    lifeline._follow(77)
    assert asked == [77, 10.0, 77, 10.0, 77, 10.0, 1]


def test_a_worker_waits_to_be_ended_once_it_has_answered() -> None:
    """So that its parent can still ask the system what it took."""
    job = Job((Cell("resnet20"),), 0, 0)
    question = {"task": "environment", **question_of(job)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    worker = Child([sys.executable, "-m", "archbench.timing.worker.main"], **pipes)
    try:
        worker.tell(json.dumps(question, default=repr))
        assert "fingerprint" in worker.answer()
        time.sleep(0.3)
        assert process_tree.runs(worker.pid)
    finally:
        worker.end()


def test_the_time_of_an_ended_child_is_kept_where_the_system_forgets_it(
    started: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows; without it every worker would be taken for a neighbour of itself."""
    real = os.times

    def forgetful() -> SimpleNamespace:
        own = real()
        return SimpleNamespace(
            user=own.user, system=own.system, children_user=0.0, children_system=0.0
        )

    monkeypatch.setattr(os, "times", forgetful)
    for platform, kept in (("linux", False), ("win32", True)):
        child = started(BUSY)
        child.answer()
        before = process_tree.tree_s(os.getpid())
        with monkeypatch.context() as patched:
            patched.setattr(sys, "platform", platform)
            child.end()
        after = process_tree.tree_s(os.getpid())
        assert (after - before > -0.1) == kept  # it took 0.3 s; the counters' grain is 0.01 s


# -- how they die ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "killer"),
    [
        (0, None),
        (1, None),
        (255, None),
        (-9, "SIGKILL"),
        (-11, "SIGSEGV"),
        (-40, "signal 40"),  # one of those for real time
        (0xC0000005, "an access violation (0xC0000005)"),
        (0xC0000409, "an abort (0xC0000409)"),
        (0xC0000FFF, "Windows (0xC0000FFF)"),
    ],
)
def test_what_killed_a_process_is_told_in_words(code: int, killer: str | None) -> None:
    """A signal's name; Windows' errors by name and number."""
    assert killed_by(code) == killer
    found = death("first\nlast words", code)
    assert found.kind == ("failed" if killer is None else "killed")
    assert found.exit_code == (3 if killer is None else 5)
    assert (killer or f"exit code {code}") in found.message


@pytest.mark.parametrize(("code", "short"), [(-9, True), (0xC0000017, True), (0xC0000005, False)])
def test_a_lack_of_memory_has_its_own_hint(code: int, short: bool) -> None:
    """Any other death is explained by the last words."""
    found = death("said", code)
    assert ("smaller -b" in found.hint) == short
    assert ("said" in found.hint) != short


def test_children_are_started_in_one_place() -> None:
    """Only Child starts a process that must be ended; subprocess.run waits for its process."""
    package = Path(children.__file__).parents[1]
    users = {
        path.name
        for path in package.rglob("*.py")
        if "Popen(" in path.read_text(encoding="utf-8").replace("Popen[str])", "Popen(")
    }
    assert users == {"children.py"}
