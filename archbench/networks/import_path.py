"""Where a project's own packages are imported from."""

import sys
from pathlib import Path


def import_from(root: Path) -> None:
    """Let a project's packages be imported from its folder, or from src/, where many keep them.

    As `python -m` does for the current folder: they come before what is installed.
    """
    for place in (root / "src", root):
        if place.is_dir():
            if str(place) in sys.path:
                sys.path.remove(str(place))
            sys.path.insert(0, str(place))
