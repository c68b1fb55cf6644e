"""Names of models and files that mean the same on every system."""

import os
from pathlib import Path
from typing import Any

from archbench.networks.brackets import split_settings
from archbench.networks.tensor_spec import DTYPES

LOCK = "archbench.lock.json"  # beside a project's configuration


def parts_of(model: str) -> tuple[str, str] | None:
    r"""Take a MODEL apart that names a factory: its file, module or zoo, and the factory.

    The colon behind a drive's letter is part of a path. Settings in brackets are left out.

    >>> parts_of("nets/net.py:build"), parts_of(r"C:\nets\net.py:build")
    (('nets/net.py', 'build'), ('C:\\nets\\net.py', 'build'))
    >>> parts_of(r"C:\nets\net.py"), parts_of("resnet50")
    (None, None)
    """
    place, colon, name = split_settings(model)[0].rpartition(":")
    of_drive = len(place) == 1 and place.isalpha()
    if not colon or (of_drive and (name[:1] in ("/", "\\") or name.endswith(".py"))):
        return None
    return place, name


def names_file(model: str) -> bool:
    """Tell whether a MODEL without a factory is a file's name."""
    name, _ = split_settings(model)
    return name.endswith(".py") or "/" in name or "\\" in name


def is_pattern(model: str) -> bool:
    """Tell whether a MODEL is a pattern for names; one with settings in brackets never is.

    >>> [is_pattern(m) for m in ("resnet*", "resnet[0-9]", "resnet20[shortcut=B]", "n.py:b*")]
    [True, True, False, False]
    """
    name, settings = split_settings(model)
    return not settings and any(mark in name for mark in "*?[") and ":" not in name


def with_place(model: str, place: str) -> str:
    """Return a MODEL that names a factory, with its file at another place.

    >>> with_place("net.py:build[width=3]", "nets/net.py")
    'nets/net.py:build[width=3]'
    """
    name, settings = split_settings(model)
    return f"{place}:{name.rpartition(':')[2]}{settings}"


def names_function(size: object) -> bool:
    """Tell whether an input size is the name of a function: file.py:NAME or package.module:NAME.

    >>> [names_function(size) for size in ("net.py:inputs", "nets.small:inputs")]
    [True, True]
    >>> [names_function(size) for size in ("float32:8", "x:int64:8", "x:float32", "3x8x8", 224)]
    [False, False, False, False, False]
    """
    place, name = (parts_of(size) if isinstance(size, str) else None) or ("", "")
    if place.endswith(".py"):
        return True
    words = [*place.split("."), name]
    return all(map(str.isidentifier, words)) and DTYPES.isdisjoint((place, name))


def portable(model: str) -> str:
    r"""Write the file of a MODEL with slashes, as every system takes them.

    So a project's configuration and lock say the same everywhere.

    >>> portable(r"nets\net.py:build[a=1]"), portable("nets.net:build")
    ('nets/net.py:build[a=1]', 'nets.net:build')
    """
    name, settings = split_settings(model)
    place, factory = parts_of(name) or (name, None)
    if not place.endswith(".py"):
        return model
    place = place.replace("\\", "/")
    return f"{place}{settings}" if factory is None else f"{place}:{factory}{settings}"


def relative(path: Path | str, start: Path | str, system: Any = os.path) -> str:
    """Return the way from a folder to a file, with slashes; on another drive there is none."""
    try:
        way: str = system.relpath(path, start)
    except ValueError:  # on another drive of Windows
        way = system.abspath(path)
    return way.replace(system.sep, "/")
