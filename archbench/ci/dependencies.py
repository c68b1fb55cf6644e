"""Which file says what a project depends on, and how `uv pip install` reads it.

The action uses this before archbench is installed: it imports nothing but the standard library.
"""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

SHARED = "pyproject.toml"
EXPORTED = '"$VIRTUAL_ENV/requirements.txt"'  # quoted for a shell
UV_EXPORT = (
    "uv export --quiet --frozen --no-default-groups --no-emit-local --no-hashes "
    f"--output-file {EXPORTED}"
)
POETRY_EXPORT = (
    "uvx --from poetry==2.5.1 --with poetry-plugin-export==1.10.1 "
    f"poetry export --without-hashes --output {EXPORTED}"
)
# files that uv cannot read: they are named where there is no other
OTHERS = ("Pipfile", "environment.yml", "environment.yaml", "pixi.toml", "requirements")

Toml = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The options by which `uv pip install` installs a project's dependencies."""

    #: the file that lists them, from the project's folder; empty if they are not known
    source: str = ""
    #: a shell line that writes the file which `arguments` name; empty if none is needed
    before: str = ""
    arguments: str = ""  #: options of `uv pip install`, quoted for a shell
    notes: tuple[str, ...] = ()  #: what is not installed, a sentence each
    unknown: str = ""  #: why the dependencies are not known; empty if they are


def find_dependencies(folder: Path, top: Path) -> Dependencies:
    """Return the first that is there: a lock file, pyproject.toml, a requirements file, setup.py.

    The uv.lock of a workspace is searched up to the repository's root, `top`.

    Raises:
        ValueError: pyproject.toml or uv.lock is not TOML.
        OSError: one of them cannot be read.
    """
    document = _toml(folder / SHARED) if (folder / SHARED).is_file() else {}
    found = (
        _uv_lock(folder, top)
        or _poetry_lock(folder)
        or _declared(document)
        or _poetry(document)
        or _requirements(folder)
        or _built(folder, document)
    )
    if found is None:
        others = [name for name in OTHERS if (folder / name).exists()]
        found = Dependencies(
            unknown=f"{_words(others)} cannot be read" if others else "no file lists them"
        )
    notes = (*found.notes, *_left_out(folder, document, found.source))
    return replace(found, notes=tuple(_line(note) for note in notes))


def _uv_lock(folder: Path, top: Path) -> Dependencies | None:
    """Take the uv.lock of the project, or of the workspace that it is a member of."""
    for place in (folder, *folder.parents):
        if not place.is_relative_to(top):
            return None
        path = place / "uv.lock"
        if not path.is_file():
            continue
        packages = _toml(path).get("package", [])
        own = [one["name"] for one in packages if _folder_of(one) == _relative(folder, place)]
        if own or place == folder:
            notes = [
                f"not installed: {name}, whose code lies in '{path}'"
                for name, path in _local(packages, own)
            ]
            source = _relative(path, folder)
            return Dependencies(source, UV_EXPORT, f"-r {EXPORTED}", tuple(notes))
    return None


def _folder_of(package: Toml) -> str | None:
    """Return the folder that uv.lock takes a package from; None for one of an index."""
    source = package.get("source", {})
    return next((source[k] for k in ("editable", "virtual", "directory") if k in source), None)


def _local(packages: Sequence[Toml], own: Sequence[str]) -> list[tuple[str, str]]:
    """Return the packages in folders that a project needs, itself left out: (name, folder)."""
    known = {one["name"]: one for one in packages}
    seen, left = set(own), [*own]
    while left:
        for needed in known[left.pop()].get("dependencies", []):
            if needed["name"] in known and needed["name"] not in seen:
                seen.add(needed["name"])
                left.append(needed["name"])
    folders = {name: _folder_of(known[name]) for name in sorted(seen - set(own))}
    return [(name, path) for name, path in folders.items() if path is not None]


def _poetry_lock(folder: Path) -> Dependencies | None:
    if not (folder / "poetry.lock").is_file():
        return None
    return Dependencies("poetry.lock", POETRY_EXPORT, f"-r {EXPORTED}")


def _declared(document: Toml) -> Dependencies | None:
    """Take [project] if it lists dependencies, or leaves them to the build backend."""
    project = _table(document, "project")
    if project.get("dependencies") or "dependencies" in project.get("dynamic", []):
        return _file(SHARED)
    return None


def _poetry(document: Toml) -> Dependencies | None:
    """Take [tool.poetry.dependencies] if poetry's build backend, which reads it, can be run."""
    poetry = _table(document, "tool", "poetry")
    if "dependencies" not in poetry:
        return None
    backend = str(_table(document, "build-system").get("build-backend"))
    if backend.startswith("poetry.") and poetry.get("package-mode", True):
        return _file(SHARED)
    return Dependencies(unknown="[tool.poetry] can be read only with the file of `poetry lock`")


def _requirements(folder: Path) -> Dependencies | None:
    """Take requirements.txt, or the one requirements*.txt that there is."""
    found = _requirements_files(folder)
    if "requirements.txt" in found or len(found) == 1:
        return _file("requirements.txt" if "requirements.txt" in found else found[0])
    return Dependencies(unknown=f"there are {_words(found)}") if found else None


def _requirements_files(folder: Path) -> list[str]:
    """Return names of files of requirements, but none that a shell or YAML could misread."""
    names = (path.name for path in folder.glob("requirements*.txt"))
    return sorted(name for name in names if re.fullmatch(r"[A-Za-z0-9_.-]+", name))


def _built(folder: Path, document: Toml) -> Dependencies | None:
    """Let setup.py list them, or the build backend of a pyproject.toml.

    A [project] that lists none is taken too: those that it lists later will be installed.
    """
    if (folder / "setup.py").is_file():
        return _file("setup.py")
    backend = "build-backend" in _table(document, "build-system")
    return _file(SHARED) if backend or "project" in document else None


def _left_out(folder: Path, document: Toml, source: str) -> list[str]:
    """Say which extras, groups and other files are not read."""
    if not source:
        return []
    poetry = _table(document, "tool", "poetry")
    extras = [*_table(document, "project", "optional-dependencies"), *_table(poetry, "extras")]
    groups = [*_table(document, "dependency-groups"), *_table(poetry, "group")]
    files = [name for name in _requirements_files(folder) if name != source]
    if source.startswith("requirements") and (folder / "setup.py").is_file():
        files.append("setup.py")
    named = {"extra": extras, "group": groups, "file": files}
    return [
        f"not installed: the {what}{'s' * (len(names) > 1)} {_words(names)}"
        for what, names in named.items()
        if names
    ]


def _file(name: str) -> Dependencies:
    return Dependencies(name, arguments=f"-r {name}")


def _toml(path: Path) -> Toml:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"'{path.name}' is not TOML: {error}") from error


def _table(document: Toml, *keys: str) -> Toml:
    """Return a table of a document; an empty one if there is none."""
    for key in keys:
        inner = document.get(key)
        document = inner if isinstance(inner, Mapping) else {}
    return document


def _line(text: str) -> str:
    """Return a text without line ends and control characters, which names in a file may hold."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


def _words(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
