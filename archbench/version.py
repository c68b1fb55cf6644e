"""Which archbench this is, and where it lies."""

from pathlib import Path

FOLDER = Path(__file__).parent  # of the package


def own_version() -> str:
    """Return the version that is installed, such as "0.1.0"."""
    from importlib.metadata import version

    return version("archbench")
