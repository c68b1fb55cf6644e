"""The code of two commits, each in its tree: base in a worktree of its own, head where it is."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from archbench.errors import ArchbenchError
from archbench.measure.repository import commit_and_state


@dataclass(frozen=True, slots=True)
class Trees:
    """Two folders whose names are equally long: the length of a path moves what is in memory.

    Args:
        base: the project's folder in the worktree of the base commit.
        head: the project's folder as it is, changes that are not committed and all.
        base_commit: in full.
        head_commit: what is checked out; None where git takes too long to say.
        dirty: head has changes of tracked files; None likewise.
    """

    base: Path
    head: Path
    base_commit: str
    head_commit: str | None
    dirty: bool | None


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
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    try:
        commit = _git(
            root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}"
        )
    except ArchbenchError:
        raise ArchbenchError(
            f"there is no commit '{reference}' in this repository",
            f"`git fetch origin {reference}` gets it into a shallow clone; or name another --base",
        ) from None
    inside = root.resolve().relative_to(top.resolve())
    with TemporaryDirectory(prefix="archbench.trees.") as folder:
        base, head = Path(folder) / "base", Path(folder) / "head"
        try:
            _git(root, "worktree", "add", "--detach", "--force", str(base), commit)
            head.symlink_to(top, target_is_directory=True)
            if setup:
                for side, tree in (("base", base / inside), ("head", head / inside)):
                    _set_up(setup, side, tree)
            yield Trees(base / inside, head / inside, commit, *commit_and_state(root))
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
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ArchbenchError("--base needs git, which cannot be started", "install it") from error
    if done.returncode:
        said = _last(done.stderr) or f"exit code {done.returncode}"
        raise ArchbenchError(f"git {words[0]} failed: {said}", "--base needs a git repository")
    return done.stdout.strip()


def _set_up(command: str, side: str, tree: Path) -> None:
    done = subprocess.run(
        command,
        shell=True,
        cwd=tree,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    said = _last(done.stdout)
    if done.returncode:
        raise ArchbenchError(
            f"--setup failed in {side}, with exit code {done.returncode}{said and ': '}{said}",
            f"`{command}` has to work in a fresh checkout of that commit",
        )


def _last(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1] if lines else ""
