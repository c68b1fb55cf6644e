"""archbench puts claims about vision architectures to the test.

>>> import archbench
>>> archbench.profile("resnet20").totals.params
269722
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbench.analysis.profile import profile
    from archbench.commands.bench.run import bench
    from archbench.commands.compare.run import compare
    from archbench.gates.structure.run import check
    from archbench.networks.build import build
    from archbench.papers.reproduce import reproduce

    __version__: str

__all__ = ["bench", "build", "check", "compare", "profile", "reproduce"]

# Loaded at first use: all import torch, which `archbench list` and --help do without.
_HOMES = {
    "bench": "archbench.commands.bench.run",
    "build": "archbench.networks.build",
    "check": "archbench.gates.structure.run",
    "compare": "archbench.commands.compare.run",
    "profile": "archbench.analysis.profile",
    "reproduce": "archbench.papers.reproduce",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from archbench.version import own_version

        return own_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'archbench' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
