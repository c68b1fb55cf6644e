"""A machine's ceilings, measured once for each environment and kept in a cache file."""

import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from archbench.timing.ceilings import Ceilings

CACHE_FILE = "ceilings.json"


def cache_folder() -> Path | None:
    """Return archbench's folder in the system's folder for caches.

    That is $XDG_CACHE_HOME where it is set, %LOCALAPPDATA% on Windows, ~/Library/Caches on macOS,
    and ~/.cache elsewhere; None for a user without a home.
    """
    given = [os.environ.get("XDG_CACHE_HOME")]
    if sys.platform == "win32":
        given.append(os.environ.get("LOCALAPPDATA"))
    for folder in given:
        if folder and Path(folder).is_absolute():  # others are to be ignored, says XDG
            return Path(folder) / "archbench"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "archbench"


def ceilings_of(
    fingerprint: str,
    precision: str,
    measure: Callable[[], Ceilings],
    folder: Path | None = None,
    again: bool = False,
) -> Ceilings:
    """Return the ceilings that were kept for an environment, or measure and keep them.

    `again` measures them in any case. Where there is no folder for caches, nothing is kept.
    """
    folder = folder or cache_folder()
    path = None if folder is None else folder / CACHE_FILE
    kept = {} if path is None else _read(path)
    found = kept.get((fingerprint, precision))
    if found is not None and not again:
        return found
    new = measure()
    if path is not None:
        with suppress(OSError):  # where it cannot be kept, it costs a second each time, no more
            _write(path, {**kept, (fingerprint, precision): new}.values())
    return new


def _read(path: Path) -> dict[tuple[str, str], Ceilings]:
    """Return the ceilings in the cache file, by fingerprint and precision; none if unreadable."""
    try:
        kept = [Ceilings.from_dict(found) for found in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {(found.fingerprint, found.precision): found for found in kept}


def _write(path: Path, kept: Iterable[Ceilings]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([found.to_dict() for found in kept])
    with NamedTemporaryFile("wb", dir=path.parent, delete=False) as draft:
        draft.write(text.encode())
    try:
        Path(draft.name).replace(path)
    except OSError:  # such as one that another process on Windows reads
        Path(draft.name).unlink()
        raise
