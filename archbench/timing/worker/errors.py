"""Whatever a model raises, as one of archbench's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archbench.errors import ArchbenchError, OutOfMemory
from archbench.networks.user_code import describe
from archbench.timing.cells import Cell

OUT_OF_MEMORY = (  # messages of libraries that have no class for it
    "can't allocate memory",
    "std::bad_alloc",
    "could not create a memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Unable to find a valid cuDNN algorithm",
)


@contextmanager
def archbench_errors(cell: Cell, kind: type[ArchbenchError], what_failed: str) -> Iterator[None]:
    """Turn an exception into an OutOfMemory, or into an error of the given kind.

    An ArchbenchError passes unchanged, unless its message says that memory ran out.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"{cell.model} at batch {cell.batch_size} does not fit into memory on "
                f"{cell.device}",
                "try a smaller -b or -i",
            ) from error
        if isinstance(error, ArchbenchError):
            raise
        raise kind(f"{what_failed}: {describe(error)}", "--debug shows the traceback") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Tell by the exception's class, or by the allocator's message, which is all the CPU has."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)
