"""Libraries that only a part of archbench needs: imported where that part runs, or refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from archbench.errors import MissingLibrary

EXTRAS = {"matplotlib": "plots", "safetensors": "weights"}  # the rest are ordinary dependencies
DEPENDENCIES = frozenset(
    "cloudpickle fvcore junitparser msgspec pandas psutil pytest_benchmark scipy".split()
)


@contextmanager
def needed(library: str, purpose: str) -> Iterator[None]:
    """Import a library inside; where that fails, say what to install.

    Args:
        library: the name that it is imported by.
        purpose: a noun: "matplotlib is needed for pictures".

    Raises:
        MissingLibrary: the library cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise missing(library, purpose, error) from error


def require(library: str, purpose: str) -> None:
    """Refuse a command at its start that would later fail for want of a library.

    Raises:
        MissingLibrary: the library cannot be imported.
    """
    with needed(library, purpose):
        import_module(library)


def missing(library: str, purpose: str, error: ImportError) -> MissingLibrary:
    """Word the error for a library that could not be imported.

    >>> print(missing("pytest_benchmark", "fixtures", ImportError("why")).hint)
    pip install pytest-benchmark
    >>> print(missing("matplotlib", "pictures", ImportError("why")).message)
    matplotlib is needed for pictures, and cannot be imported: why
    """
    name = library.replace("_", "-")
    extra = EXTRAS.get(library)
    return MissingLibrary(
        f"{name} is needed for {purpose}, and cannot be imported: {error}",
        f"pip install {name}" if extra is None else f"pip install 'archbench[{extra}]'",
    )


def named_by(error: ImportError) -> str | None:
    """Return which of archbench's dependencies an import failed for; None for anything else."""
    library = (error.name or "").partition(".")[0]
    return library if library in DEPENDENCIES else None
