"""The shell lines that install archbench beside what a project depends on.

`archbench init-ci --github` writes them into a workflow; the action runs this module, before
archbench is installed, and then the lines that it prints. So it imports the standard library only.
"""

import os
import re
import sys
from pathlib import Path

from archbench.ci.dependencies import Dependencies, find_dependencies
from archbench.ci.repository import repository_of

# beside the environment, where nothing that is installed or synchronised there can touch it
UV = (
    'python -I -m pip install --quiet --target "$VIRTUAL_ENV/uv" uv==0.13.9',
    'PATH="$VIRTUAL_ENV/uv/bin:$PATH"',
)
INSTALL = "uv pip install --torch-backend cpu"  # finds the build of torch without CUDA
OWN = "python -I -m archbench.ci.own_code # the gates import this repository's code from its tree"


def install_lines(found: Dependencies) -> list[str]:
    """Return shell lines that install a project's dependencies and `$REQUIREMENT`, archbench.

    All versions are chosen at once, so what the project asks for holds for what archbench needs,
    too. The lines run in the project's folder, in an active virtual environment.
    """
    lines = [*UV]
    if found.unknown:
        lines.append(f"# what the project depends on is not known ({found.unknown}): add it below")
    if found.before:
        lines.append(found.before)
    return [*lines, " ".join(filter(None, [INSTALL, found.arguments, '"$REQUIREMENT"'])), OWN]


def command_lines(archbench: bool) -> list[str]:
    """Return shell lines for a project whose dependencies a command, `$INSTALL`, installs.

    `$REQUIREMENT` comes after it and may replace nothing that the command installed. Without
    `archbench`, the command installs that itself.
    """
    lines = [*UV, '(eval "$INSTALL")']
    if archbench:
        held = '"$VIRTUAL_ENV/constraints.txt"'
        lines.append(f"uv pip freeze --exclude-editable --exclude archbench > {held}")
        lines.append(f'{INSTALL} --constraints {held} "$REQUIREMENT"')
    return [*lines, OWN]


def main() -> None:
    """Print the lines for the current folder; name on standard error the dependencies left out."""
    if os.environ.get("INSTALL"):
        lines = command_lines(os.environ.get("REQUIREMENT") != "installed")
    else:
        try:
            found = find_dependencies(Path.cwd(), repository_of(Path.cwd()))
        except (ValueError, OSError) as error:
            sys.exit(_annotation("error", str(error)))
        for note in found.notes:
            sys.stderr.write(f"{note}\n")
        if found.unknown:
            why = f"what the project depends on is not known ({found.unknown})"
            hint = "the input 'install' takes a command that installs it"
            sys.stderr.write(_annotation("notice", f"{why}; {hint}") + "\n")
        lines = install_lines(found)
    sys.stdout.write("\n".join(lines) + "\n")


def _annotation(kind: str, text: str) -> str:
    """Write a workflow command of GitHub."""
    line = re.sub(r"[\r\n]+", " ", text.replace("%", "%25"))
    return f"::{kind} title=archbench::{line}"


if __name__ == "__main__":
    main()
