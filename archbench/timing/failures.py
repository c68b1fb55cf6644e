"""An error as a record that crosses from one process to another, and back."""

from archbench.errors import ArchbenchError, NothingMeasured, OutOfMemory, UserCodeError
from archbench.timing.records import Failure, FailureKind


def failure_of(error: ArchbenchError) -> Failure:
    """Return the record of an error."""
    kind: FailureKind = "oom" if isinstance(error, OutOfMemory) else "failed"
    return Failure(kind, error.message, error.hint, error.exit_code)


def error_of(failure: Failure) -> ArchbenchError:
    """Return the error that a worker process ended with."""
    if failure.kind == "oom":
        return OutOfMemory(failure.message, failure.hint)
    for kind in (UserCodeError, NothingMeasured):
        if failure.exit_code == kind.exit_code:
            return kind(failure.message, failure.hint)
    return ArchbenchError(failure.message, failure.hint)
