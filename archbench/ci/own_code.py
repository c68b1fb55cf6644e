"""Uninstall what lies in this repository: `python -I -m archbench.ci.own_code`.

The gates import the repository's code from the tree that they look at. A copy that is installed, as
by `pip install .`, would be the same code for both sides of the time gate.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from archbench.ci.repository import repository_of


def main() -> None:
    """Uninstall the packages of the repository around the current folder, and say which."""
    names = own_packages(repository_of(Path.cwd()), distributions())
    if not names:
        return
    command = ["uv", "pip", "uninstall", "--quiet", "--python", sys.executable, *names]
    code = subprocess.run(command, check=False).returncode
    if code:
        sys.exit(code)
    sys.stderr.write(
        f"::notice title=archbench::uninstalled {', '.join(names)}: the gates import this "
        "repository's code from its tree; PYTHONPATH names a folder that is not found there\n"
    )


def own_packages(top: Path, installed: Iterable[Distribution]) -> list[str]:
    """Return the names of packages that were installed from a folder of a repository.

    archbench is left out: its own repository may be the one that is looked at.
    """
    folders = {one.name: _folder(one) for one in installed if one.name != "archbench"}
    top = top.resolve()
    return sorted(name for name, path in folders.items() if path and path.is_relative_to(top))


def _folder(package: Distribution) -> Path | None:
    """Return the folder that a package was installed from; None if it was not a folder.

    Source: PEP 610, direct_url.json.
    """
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    if "dir_info" not in origin:
        return None
    return Path(url2pathname(urlsplit(origin["url"]).path)).resolve()


if __name__ == "__main__":
    main()
