"""The lock as a file: JSON with a line for each row, sorted, so that a diff of it reads well.

What the rows hold is said in gates/structure/lock_rows.py.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from archbench.errors import ArchbenchError, why_refused
from archbench.gates.structure.locks import Lock
from archbench.libraries import needed
from archbench.networks.names import LOCK

SCHEMA = 1


class BrokenLock(ArchbenchError):
    """A file that should be a lock, and is none that can be read."""


def to_text(lock: Lock) -> str:
    """Return the text of a lock's file; the same lock always gives the same text.

    Raises:
        MissingLibrary: msgspec cannot be imported.
    """
    with needed("msgspec", "locks"):
        from archbench.gates.structure.lock_rows import document_of

    document = document_of(lock).to_dict()
    lines = [
        f'"schema": "archbench.lock/{SCHEMA}"',
        f'"convention": {document["convention"]}',
        *(f'"{key}": [{_lines(document[key])}]' for key in ("cells", "layers", "removed")),
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(rows: list[Any]) -> str:
    """Write a row a line; the null behind the last lets a new row change no other line."""
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
    return "\n" + ",\n".join(lines) + "\n"


def locks_below(folder: Path) -> list[Path]:
    """Return the folders with a lock, at most three levels below a folder, hidden ones left out.

    They are relative to the folder, sorted.
    """
    found = (
        path.parent.relative_to(folder) for n in (1, 2, 3) for path in folder.glob(n * "*/" + LOCK)
    )
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None where there is no such file.

    Raises:
        BrokenLock: the file cannot be read, is no lock, or was written by a newer archbench.
        MissingLibrary: msgspec cannot be imported.
    """
    with needed("msgspec", "locks"):
        from archbench.gates.structure.lock_rows import LockDocument, lock_of

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BrokenLock(
            f"'{path}' cannot be read: {why_refused(error)}", "--lock names another file"
        ) from error
    document = _parse(path, text)
    try:
        _check_schema(path, document)
        return lock_of(LockDocument.from_dict(document))
    except ValueError as error:
        raise BrokenLock(f"'{path}' is not a lock: {error}", _how_to_restore(path)) from error


def _parse(path: Path, text: str) -> Any:
    """Return the JSON of a lock's text.

    Raises:
        BrokenLock: it is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if any(line.startswith("<<<<<<< ") for line in text.split("\n")):
            raise BrokenLock(
                f"'{path}' holds both sides of a merge conflict",
                f"take one with `git checkout --ours -- {quote(str(path))}`, then `archbench lock "
                '--update --reason "..."`',
            ) from error
        why = f": line {error.lineno} is cut off or not JSON"
        raise BrokenLock(f"'{path}' is not a lock{why}", _how_to_restore(path)) from error
    except (RecursionError, ValueError) as error:  # endless brackets, endless digits
        raise BrokenLock(f"'{path}' is not a lock", _how_to_restore(path)) from error


def _how_to_restore(path: Path) -> str:
    if path.name == LOCK:  # nobody's own work, which this would throw away
        return f"`git checkout -- {quote(str(path))}` brings back the last one that was committed"
    return "name a file that `archbench lock` wrote, or a new one"


def _check_schema(path: Path, document: Any) -> None:
    """Refuse a document that is none of a lock, or of a newer one.

    Raises:
        ValueError: it is something else.
        BrokenLock: it was written by a newer archbench.
    """
    if not isinstance(document, Mapping) or "schema" not in document:
        raise ValueError("it has no schema")
    kind, _, number = str(document["schema"]).partition("/")
    if kind != "archbench.lock" or not number.isdecimal() or number == "0":
        raise ValueError(f"its schema is '{document['schema']}'")
    if int(number) > SCHEMA:
        raise BrokenLock(
            f"'{path}' has schema {number}, and this archbench reads up to {SCHEMA}",
            "it was written by a newer archbench: install that one here too",
        )
