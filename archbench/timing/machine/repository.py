"""Which commit the code in the current folder is."""

import os
import subprocess
from pathlib import Path

# Variables that git sets for its hooks. For another folder they would point back at the hook's
# repository, and let `git worktree add` overwrite its index.
HOOK_VARIABLES = frozenset("GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_PREFIX".split())
PATIENCE_S = 1.0  # a repository of a million files may take longer: then its state is unknown
STATUS = "git --no-optional-locks status --porcelain=v2 --branch --untracked-files=no".split()


def git_environment() -> dict[str, str]:
    """Return this process's variables without those that tie git to a hook's repository."""
    return {name: text for name, text in os.environ.items() if name not in HOOK_VARIABLES}


def commit_and_state(folder: Path | None = None) -> tuple[str | None, bool | None]:
    """Return the commit, and whether tracked files differ from it; None outside a repository."""
    try:
        answer = subprocess.run(
            STATUS,
            cwd=folder,
            env=git_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    return parse_status(answer.stdout)


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
