"""Which repository a folder lies in."""

from pathlib import Path


def repository_of(folder: Path) -> Path:
    """Return the root of the git repository that a folder lies in; the folder if there is none."""
    places = (folder, *folder.parents)
    return next((place for place in places if (place / ".git").exists()), folder)
