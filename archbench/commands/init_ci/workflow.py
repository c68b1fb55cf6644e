"""The workflow file that `archbench init-ci --github` writes: its name and its text."""

import json
import re
import sys
from collections.abc import Iterator
from itertools import count
from os.path import relpath
from pathlib import Path
from textwrap import indent

from archbench.ci.dependencies import Dependencies, find_dependencies
from archbench.ci.install import install_lines
from archbench.commands.init_ci.origin import origin_of_archbench
from archbench.commands.init_ci.project_files import read_file, template
from archbench.commands.init_ci.records import Workflow
from archbench.errors import ArchbenchError, why_refused

WORKFLOWS = Path(".github/workflows")
TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|\S.*?"  # of YAML, in either kind of quotes or in none
FOLDER = re.compile(rf"^[ -]*working-directory:[ ]*({TEXT})(?:[ ]+#.*)?[ \r]*$", re.MULTILINE)


def workflow_for(root: Path, top: Path, requirement: str) -> Workflow:
    """Return the workflow of a project; nothing is written.

    Args:
        root: the project's folder.
        top: the repository's root.
        requirement: what archbench is installed from; empty: where the running one came from.

    Raises:
        ArchbenchError: that is not known, a file of the project cannot be read, or a name cannot
            stand in a workflow.
    """
    if requirement.startswith("-"):
        raise ArchbenchError(f"'{requirement}' is an option of pip", "name a package, URL or path")
    folder = Path(relpath(root, top)).as_posix()
    requirement = requirement or origin_of_archbench(root, top)
    try:
        dependencies = find_dependencies(root, top)
    except (OSError, ValueError) as error:
        raise ArchbenchError(f"in '{root}': {why_refused(error)}", "mend it first") from error
    text = workflow_text(folder, requirement, dependencies)
    return Workflow(workflow_path(top, folder), text, requirement, dependencies)


def workflow_text(folder: str, requirement: str, dependencies: Dependencies) -> str:
    """Return a workflow with both gates of a project, each in a job.

    The folder is the project's, from the repository's root.

    Raises:
        ArchbenchError: a name cannot stand in a workflow.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"  # which the project runs on here
    lines = "\n".join(install_lines(dependencies))
    words = {
        "{name}": _quoted("archbench" if folder == "." else f"archbench {folder}"),
        "{folder}": _quoted(folder),
        "{requirement}": _quoted(requirement),
        "{python}": _quoted(python),
        "{install}": indent(lines, 10 * " "),
    }
    text = template("workflow.yml.txt")
    return re.sub(r"(?<!\$){\w+}", lambda found: words[found[0]], text)


def workflow_path(top: Path, folder: str) -> Path:
    """Return where a project's workflow lies or is to lie, from the repository's root.

    GitHub looks for workflows in the root only. Each project has a file of its own, named after its
    folder. It is known by the folder in which its steps run.
    """
    held = [path for path in sorted((top / WORKFLOWS).glob("archbench*.y*ml")) if path.is_file()]
    own = [path for path in held if _is_for(read_file(path) or "", folder)]
    if own:
        return own[0].relative_to(top)
    return next(path for path in _names(folder) if not (top / path).exists())


def _names(folder: str) -> Iterator[Path]:
    """Yield names of files: the folder's own name, its whole path, then that with a number."""
    parts = [re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-.") for part in Path(folder).parts]
    parts = [part for part in parts if part]
    stem = "-".join(["archbench", *parts])
    yield WORKFLOWS / f"{'-'.join(['archbench', *parts[-1:]])}.yml"
    yield WORKFLOWS / f"{stem}.yml"
    for number in count(2):
        yield WORKFLOWS / f"{stem}-{number}.yml"


def _is_for(text: str, folder: str) -> bool:
    """Tell whether a workflow runs in a folder.

    Where an expression names its folders, as in a matrix, the folder has to be written somewhere.
    """
    named = [_unquoted(value) for value in FOLDER.findall(text)]
    if not named:
        return folder == "."
    written = rf"(?<![\w./-]){re.escape(folder)}(?![\w./-])"
    return folder in named or (
        any("${{" in value for value in named) and re.search(written, text) is not None
    )


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        try:
            value = str(json.loads(value))
        except ValueError:
            return value
    elif value.startswith("'"):
        value = value.strip("'").replace("''", "'")
    return value.removeprefix("./").rstrip("/") or "."


def _quoted(text: str) -> str:
    """Write a text as YAML's double-quoted string, which JSON's is.

    Raises:
        ArchbenchError: GitHub would take it for an expression, or it is no line of text.
    """
    if "${{" in text or not text.isprintable():
        raise ArchbenchError(
            f"'{text!r}' cannot stand in a workflow", "rename it, or leave --github out"
        )
    return json.dumps(text, ensure_ascii=False)
