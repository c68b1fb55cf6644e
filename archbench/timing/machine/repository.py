"""Which commit the code in the current folder is."""

import os
import subprocess
from pathlib import Path

# git sets these for its hooks. In a question about another folder they would point back at the
# repository of the hook, and let `git worktree add` overwrite its index.
OF_ONE_REPOSITORY = frozenset(
    "GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_PREFIX".split()
)
PATIENCE_S = 1.0  # a repository of a million files may take longer: then its state is unknown
STATUS = "git --no-optional-locks status --porcelain=v2 --branch --untracked-files=no".split()


def any_repository() -> dict[str, str]:
    """Return the environment in which git looks for the repository of the folder that it is in."""
    return {name: text for name, text in os.environ.items() if name not in OF_ONE_REPOSITORY}


def commit_and_state(folder: Path | None = None) -> tuple[str | None, bool | None]:
    """Return (commit, whether tracked files were changed since); None outside of a repository."""
    try:
        answer = subprocess.run(
            STATUS,
            cwd=folder,
            env=any_repository(),
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
    r"""Read what `git status --porcelain=v2 --branch` prints.

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
