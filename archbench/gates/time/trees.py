"""The code of two commits, each in its tree: base in a worktree of its own, head where it is."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from archbench.errors import ArchbenchError
from archbench.timing.machine.repository import commit_and_state, git_environment
from archbench.timing.processes.children import Child
from archbench.timing.sessions.deaths import killed_by

LONGEST = 255  # characters of a folder's name


@dataclass(frozen=True, slots=True)
class Trees:
    """Two checkouts of a repository.

    Their paths are equally long where head's is long enough: the length of a path moves what is in
    memory.
    """

    base: Path  #: the project's folder in the worktree of the base commit; it may not exist there
    head: Path  #: the project's folder as it is, changes that are not committed and all
    repositories: tuple[Path, Path]  #: the checkouts that they are in
    base_commit: str  #: in full
    head_commit: str | None  #: what is checked out; None where git takes too long to say
    dirty: bool | None  #: head has changes of tracked files; None likewise


@contextmanager
def trees(reference: str, root: Path, setup: str = "") -> Iterator[Trees]:
    """Check a commit out beside the present tree, and remove it afterwards, whatever happens.

    Args:
        reference: a commit, branch or tag.
        root: the project's folder, in a git repository.
        setup: a shell command that each tree needs before it can be imported, run in base and then
            in head.

    Raises:
        ArchbenchError: there is no repository or no such commit, it cannot be checked out, or the
            set-up fails.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel")).resolve()
    try:
        commit = _git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}"
        )
    except ArchbenchError:
        named = bool(reference) and not {*"^~@: "} & {*reference}
        fetch = f"git fetch origin {reference}" if named else "git fetch --unshallow"
        raise ArchbenchError(
            f"there is no commit '{reference}' in this repository",
            f"`{fetch}` completes a shallow clone; or name another --base",
        ) from None
    inside = root.resolve().relative_to(top)
    with TemporaryDirectory(prefix="archbench.", ignore_cleanup_errors=True) as folder:
        place = Path(folder).resolve()
        name = "base".ljust(min(LONGEST, len(str(top)) - len(str(place)) - 1), "_")
        base = place / name
        try:
            _git(root, "worktree", "add", "--detach", "--force", str(base), commit)
            if setup and (base / inside).is_dir():
                _set_up(setup, "base", base / inside)
            if setup:
                _set_up(setup, "head", top / inside)
            state = commit_and_state(root)
            yield Trees(base / inside, top / inside, (base, top), commit, *state)
        finally:
            with suppress(ArchbenchError):
                _git(root, "worktree", "remove", "--force", str(base))
            with suppress(ArchbenchError):
                _git(root, "worktree", "prune")


def _git(folder: Path, *words: str) -> str:
    """Run git; return what it printed.

    Raises:
        ArchbenchError: it failed, or is not there.
    """
    try:
        done = subprocess.run(
            ["git", *words],
            cwd=folder,
            env=git_environment() | {"LC_ALL": "C"},  # what it says is read below
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding=sys.getfilesystemencoding(),  # it prints paths
            errors=sys.getfilesystemencodeerrors(),
            check=False,
        )
    except OSError as error:
        raise ArchbenchError("--base needs git, which cannot be started", "install it") from error
    if "dubious ownership" in done.stderr:  # as in a container that was handed a checkout
        raise ArchbenchError(
            "git refuses to work in this repository, which belongs to another user",
            f"`{_last(done.stderr)}` allows it",
        )
    if done.returncode:
        said = _last(done.stderr) or f"exit code {done.returncode}"
        hint = "--base needs a git repository" if words[0] == "rev-parse" else ""
        raise ArchbenchError(f"git {words[0]} failed: {said}", hint)
    return done.stdout.strip()


def _set_up(command: str, side: str, tree: Path) -> None:
    """Run a command in a tree; what it started ends with it."""
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        shell = Child(
            command,
            shell=True,
            cwd=tree,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            shell.let_end(None)
        finally:
            shell.end()
        printed.seek(0)
        said = _last(printed.read())
    code = shell.returncode
    if code:
        killer = killed_by(code)
        how = f"with exit code {code}" if killer is None else f"killed by {killer}"
        raise ArchbenchError(
            f"--setup failed in {side}, {how}{said and ': '}{said}",
            f"`{command}` has to work in a fresh checkout of that commit",
        )


def _last(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""
