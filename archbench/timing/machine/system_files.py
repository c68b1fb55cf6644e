"""Files of /proc and /sys, which not every system has."""

from pathlib import Path

ROOT = Path("/")  # tests have a folder of their own, with proc/ and sys/ in it


def text_of(path: Path) -> str:
    """Return the text of a file; empty where the file cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def first_line(*paths: Path) -> str | None:
    """Return the first line of the first of these files that has one."""
    lines = (text_of(path).split("\n")[0].strip() for path in paths)
    return next(filter(None, lines), None)
