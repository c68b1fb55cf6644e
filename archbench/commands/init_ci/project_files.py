"""Files of somebody's repository and templates: read, and written where there is something new."""

from importlib.resources import files
from pathlib import Path

from archbench.commands.init_ci.records import ProjectFile
from archbench.errors import ArchbenchError, OutputRefused, why_refused
from archbench.shell.atomic_files import atomic_append


def template(name: str) -> str:
    """Return the text of a template, a file of this folder."""
    return files("archbench.commands.init_ci").joinpath(name).read_text(encoding="utf-8")


def read_file(path: Path) -> str | None:
    """Return what a file holds, its line ends as they are; None where there is none.

    Raises:
        ArchbenchError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ArchbenchError(
            f"'{path}' cannot be read: {why_refused(error)}", "mend it first"
        ) from error


def write_file(root: Path, file: ProjectFile) -> None:
    """Write a file that is new, or what is new in it; one that is to be left stays untouched.

    What cannot be written whole is taken back.

    Raises:
        OutputRefused: it cannot be written, or somebody else has written it meanwhile.
    """
    path = root / file.path
    if not file.grows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_append(path, new=file.before is None) as stream:
            stream.write(file.wanted[len(file.before or "") :])
    except OSError as error:
        raise OutputRefused(
            f"'{path}' cannot be written: {why_refused(error)}", "make it writable, or make room"
        ) from error
