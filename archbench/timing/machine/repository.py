"""git, and which commit the code in a folder is."""

import os
import subprocess
import sys
from pathlib import Path

# Variables that git sets for its hooks. For another folder they would point back at the hook's
# repository, and let `git worktree add` overwrite its index.
HOOK_VARIABLES = frozenset("GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_PREFIX".split())
PATIENCE_S = 1.0  # a repository of a million files may take longer: then its state is unknown
STATUS = "--no-optional-locks status --porcelain=v2 --branch --untracked-files=no".split()


def git_environment() -> dict[str, str]:
    """Return this process's variables without those that tie git to a hook's repository."""
    return {name: text for name, text in os.environ.items() if name not in HOOK_VARIABLES}


def run_git(
    folder: Path | None, *arguments: str, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run git in a folder, whose paths are decoded as Python decodes them; messages are English.

    Raises:
        OSError: git is not installed, or there is no such folder.
        subprocess.TimeoutExpired: git took longer than `timeout_s`.
    """
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=git_environment() | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=sys.getfilesystemencoding(),
        errors=sys.getfilesystemencodeerrors(),
        timeout=timeout_s,
        check=False,
    )


def commit_and_state(folder: Path | None = None) -> tuple[str | None, bool | None]:
    """Return the commit, and whether tracked files differ from it; None outside a repository."""
    try:
        answer = run_git(folder, *STATUS, timeout_s=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    return parse_status(answer.stdout) if answer.returncode == 0 else (None, None)


def parse_status(text: str) -> tuple[str | None, bool | None]:
    r"""Return commit and state from the output of `git status --porcelain=v2 --branch`.

    >>> parse_status("# branch.oid 94c27a7\n# branch.head main\n1 .M N... README.md\n")
    ('94c27a7', True)
    """
    commit = None
    dirty = False
    for line in text.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif not line.startswith("#"):
            dirty = True
    if commit is None or commit == "(initial)":
        return None, None
    return commit, dirty
