"""Files that archbench puts into somebody's repository, or leaves as they are."""

from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Literal

from archbench.ci.dependencies import Dependencies

State = Literal["written", "added to", "unchanged", "left as it is"]


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """One file."""

    path: Path  #: from the repository's root
    before: str | None  #: what it holds; None where there is none
    wanted: str  #: what it should hold

    @property
    def state(self) -> State:
        """What is done with it: only what is new is ever written."""
        if self.before is None:
            return "written"
        if self.before == self.wanted:
            return "unchanged"
        return "added to" if self.wanted.startswith(self.before) else "left as it is"

    @property
    def grows(self) -> bool:
        """Whether there is something to write."""
        return self.state in ("written", "added to")

    @property
    def difference(self) -> str:
        """What would change in a file that is left as it is, as a unified diff."""
        if self.state != "left as it is":
            return ""
        old, new = ((text or "").splitlines(True) for text in (self.before, self.wanted))
        name = self.path.as_posix()
        return "".join(unified_diff(old, new, name, f"{name}, as archbench would write it"))


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file for one project."""

    path: Path  #: from the repository's root
    text: str  #: what it should hold
    requirement: str  #: what it installs archbench from
    dependencies: Dependencies  #: what else it installs


@dataclass(frozen=True, slots=True)
class InitCI:
    """What `archbench init-ci` did."""

    files: tuple[ProjectFile, ...]  #: each of them
    unlocked: tuple[str, ...]  #: cells that a lock, which was there before, does not hold
    workflow: Workflow | None  #: None if none was asked for
