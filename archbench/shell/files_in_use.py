"""The files of one command: none is read and replaced, and none gets two results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archbench.errors import OutputRefused
from archbench.networks.names import LOCK

# what people write by hand; results are text, tables, JSON, Markdown, XML or pictures
SOURCES = frozenset(".py .ipynb .toml .yml .yaml .cfg .ini".split())

_in_use: set[Path] = set()


@contextmanager
def in_use(*paths: Path | None) -> Iterator[None]:
    """Keep files for one use each, as long as it lasts; devices and pipes take any number.

    Raises:
        OutputRefused: one of them has another use in this command.
    """
    places = {_place(path): path for path in paths if path is not None}
    for place, path in places.items():
        if place in _in_use:
            raise OutputRefused(
                f"'{path}' has another use in this command, and would be lost", "name another file"
            )
    own = {place for place in places if place is not None}
    _in_use.update(own)
    try:
        yield
    finally:
        _in_use.difference_update(own)


def _place(path: Path) -> Path | None:
    """Return the resolved path of a file; None for a device, or a path that cannot be opened."""
    try:
        return path.resolve() if path.is_file() or not path.exists() else None
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, until Python 3.13
        return None


def refuse_source(path: Path) -> None:
    """Refuse to put a result where people keep their own work, or archbench its lock.

    Raises:
        OutputRefused: that is where it would go.
    """
    target = path.resolve()
    if target.suffix.lower() in SOURCES or target.name == LOCK:
        raise OutputRefused(f"'{path}' is no place for a result", "name another file")
