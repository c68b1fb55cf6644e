"""A machine's ceilings, measured once for each environment and kept."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from archbench.records.rooflines import Ceilings

KEPT = "ceilings.json"


def cache_folder() -> Path | None:
    """Return where archbench keeps what it may measure again: XDG's folder for caches.

    None where the user has no home folder, as in some containers.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(root or Path.home() / ".cache") / "archbench"
    except RuntimeError:
        return None


def ceilings_of(
    fingerprint: str,
    precision: str,
    measure: Callable[[], Ceilings],
    folder: Path | None = None,
    again: bool = False,
) -> Ceilings:
    """Return the ceilings that were kept for an environment, or measure and keep them.

    Args:
        fingerprint: of the environment.
        precision: of the cell.
        measure: does it, where nothing is kept.
        folder: where they are kept; by default cache_folder(), and nowhere without one.
        again: measure in any case.
    """
    folder = folder or cache_folder()
    kept = [] if folder is None else _read(folder / KEPT)
    for found in kept:
        if (found.fingerprint, found.precision) == (fingerprint, precision) and not again:
            return found
    new = measure()
    others = [c for c in kept if (c.fingerprint, c.precision) != (fingerprint, precision)]
    if folder is not None:
        with suppress(OSError):  # a folder that cannot be written costs a second each time, no more
            _write(folder / KEPT, [*others, new])
    return new


def _read(path: Path) -> list[Ceilings]:
    """Read what is kept; what cannot be read is measured anew."""
    try:
        return [Ceilings.from_dict(found) for found in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _write(path: Path, kept: list[Ceilings]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
        json.dump([found.to_dict() for found in kept], draft)
    Path(draft.name).replace(path)
