"""The two trees of a comparison: base is a git worktree of its own, head stays where it is."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from archbench.errors import ArchbenchError
from archbench.timing.machine.repository import commit_and_state, git_environment, run_git
from archbench.timing.processes.children import Child
from archbench.timing.sessions.deaths import killed_by

LONGEST_NAME = 255  # characters of a folder's name


@dataclass(frozen=True, slots=True)
class Trees:
    """Two checkouts of a repository.

    Their paths are equally long where head's is long enough, because the length of a path shifts
    what is in memory.
    """

    base: Path  #: the project's folder in the worktree of the base commit; it may not exist there
    head: Path  #: the project's folder as it is, with changes that are not committed
    repositories: tuple[Path, Path]  #: the top folders of both checkouts
    base_commit: str  #: in full
    head_commit: str | None  #: what is checked out; None where git takes too long to tell
    dirty: bool | None  #: whether head has changes of tracked files; None likewise


@contextmanager
def trees(reference: str, root: Path, setup: str = "") -> Iterator[Trees]:
    """Check a commit out beside the present tree; remove that checkout afterwards.

    Args:
        reference: a commit, branch or tag.
        root: the project's folder, in a git repository.
        setup: a shell command to run in each tree, in base first; empty for none.

    Raises:
        ArchbenchError: there is no repository or no such commit, it cannot be checked out, or the
            set-up fails.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel")).resolve()
    commit = _commit(root, reference)
    project = root.resolve().relative_to(top)
    with TemporaryDirectory(prefix="archbench.", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        padded = "base".ljust(min(LONGEST_NAME, len(str(top)) - len(str(folder)) - 1), "_")
        base = folder / padded
        try:
            _git(root, "worktree", "add", "--detach", "--force", str(base), commit)
            if setup and (base / project).is_dir():
                _set_up(setup, "base", base / project)
            if setup:
                _set_up(setup, "head", top / project)
            state = commit_and_state(root)
            yield Trees(base / project, top / project, (base, top), commit, *state)
        finally:
            with suppress(ArchbenchError):
                _git(root, "worktree", "remove", "--force", str(base))
            with suppress(ArchbenchError):
                _git(root, "worktree", "prune")


def _commit(root: Path, reference: str) -> str:
    """Return the full name of a commit.

    Raises:
        ArchbenchError: there is no such commit.
    """
    options = ("--verify", "--quiet", "--end-of-options")
    try:
        return _git(root, "rev-parse", *options, f"{reference}^{{commit}}")
    except ArchbenchError:
        is_name = bool(reference) and not {*"^~@: "} & {*reference}
        fetch = f"git fetch origin {reference}" if is_name else "git fetch --unshallow"
        raise ArchbenchError(
            f"there is no commit '{reference}' in this repository",
            f"`{fetch}` completes a shallow clone; or name another --base",
        ) from None


def _git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; return what it printed.

    Raises:
        ArchbenchError: git failed, or is not installed.
    """
    try:
        result = run_git(folder, *arguments)
    except OSError as error:
        raise ArchbenchError("--base needs git, which cannot be started", "install it") from error
    if "dubious ownership" in result.stderr:  # as in a container with a checkout from outside
        raise ArchbenchError(
            "git refuses to work in this repository, which belongs to another user",
            f"`{_last_line(result.stderr)}` allows it",
        )
    if result.returncode:
        reason = _last_line(result.stderr) or f"exit code {result.returncode}"
        hint = "--base needs a git repository" if arguments[0] == "rev-parse" else ""
        raise ArchbenchError(f"git {arguments[0]} failed: {reason}", hint)
    return result.stdout.strip()


def _set_up(command: str, side: str, tree: Path) -> None:
    """Run a shell command in a tree; end all that it started.

    Raises:
        ArchbenchError: the command failed.
    """
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
        message = _last_line(printed.read())
    if shell.returncode:
        killer = killed_by(shell.returncode)
        how = f"with exit code {shell.returncode}" if killer is None else f"killed by {killer}"
        raise ArchbenchError(
            f"--setup failed in {side}, {how}{message and ': '}{message}",
            f"`{command}` has to work in a fresh checkout of that commit",
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""
