"""What is on the shelf: visible tuples of rows; no torch needed to read them.

An unsuffixed name is the network of the paper, or of its release where the paper leaves it open.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from archbench.errors import UnknownArchitecture, nearest
from archbench.networks.registry.baselines import BASELINES
from archbench.networks.registry.inception import INCEPTION
from archbench.networks.registry.records import Architecture
from archbench.networks.registry.resnets import RESNETS

ARCHITECTURES: tuple[Architecture, ...] = (*BASELINES, *INCEPTION, *RESNETS)

_BY_NAME: Mapping[str, Architecture] = {row.name: row for row in ARCHITECTURES}


def find(name: str) -> Architecture:
    """Return the row of that name.

    Raises:
        UnknownArchitecture: there is none; the hint names the nearest.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    raise UnknownArchitecture(
        f"there is no architecture named '{name}'",
        f"{nearest(name, _BY_NAME)}`archbench list` names them all",
    )


def select(glob: str = "*", family: str | None = None) -> tuple[Architecture, ...]:
    """Return the rows whose name matches a glob, of one family or of all."""
    return tuple(
        row
        for row in ARCHITECTURES
        if fnmatchcase(row.name, glob.lower()) and family in (None, row.family)
    )


def related(architecture: Architecture) -> tuple[Architecture, ...]:
    """Return its variants: the other rows of the same file, and of the same depth if it has one."""
    depth = architecture.options.get("depth")
    return tuple(
        row
        for row in ARCHITECTURES
        if row.module == architecture.module
        and row.options.get("depth") == depth
        and row.name != architecture.name
    )
