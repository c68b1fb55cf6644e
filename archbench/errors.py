"""What can go wrong, as one tree; the exit code says whose fault it was.

ArchbenchError              2   archbench refuses what was asked
├── UnknownArchitecture     2
├── InputRefused            2   an input size that is malformed or that the network cannot take
├── OutputRefused           2   a file that cannot be written, or a format its suffix contradicts
├── WeightsRefused          2   a file of weights that cannot be read or does not fit
├── DeviceUnavailable       2
├── MissingLibrary          2   a library that is needed cannot be imported
├── OutOfMemory             2
├── UserCodeError           3   the user's own code raised: import, factory or forward
├── AnalysisIncomplete      4   only under --strict
└── NothingMeasured         5
"""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Guess what was meant, for the beginning of a hint; empty where nothing is near.

    >>> nearest("resnt50", ["resnet50", "vgg16"])
    "did you mean 'resnet50'? "
    """
    near = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'? " if near else ""


def why_refused(error: Exception) -> str:
    """Say in lower case, to stand behind a colon, why the system refused a file."""
    return str(getattr(error, "strerror", None) or error).lower()


class ArchbenchError(Exception):
    """Something archbench can explain: what was wrong, and what to do next.

    Args:
        message: one lower-case sentence without a full stop, the offending value in quotes.
        hint: a command or a choice that helps; empty where there is none.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class UnknownArchitecture(ArchbenchError):
    """No architecture of that name is on the shelf."""


class InputRefused(ArchbenchError):
    """An input is malformed, or the network cannot take it."""


class OutputRefused(ArchbenchError):
    """A result cannot be written where, or as, it was asked for."""


class WeightsRefused(ArchbenchError):
    """A file of weights cannot be read, or is not one of this network."""


class DeviceUnavailable(ArchbenchError):
    """The device asked for is not on this machine."""


class MissingLibrary(ArchbenchError):
    """A library that a command needs cannot be imported."""


class OutOfMemory(ArchbenchError):
    """A model does not fit into the device's memory at this batch size."""


class UserCodeError(ArchbenchError):
    """The user's own code raised."""

    exit_code = 3


class AnalysisIncomplete(ArchbenchError):
    """Some operation has no counting rule, and the caller asked for a complete count."""

    exit_code = 4


class NothingMeasured(ArchbenchError):
    """A measurement was asked for and none was made."""

    exit_code = 5


class TensorsKept(UserWarning):
    """A network keeps tensors of its analysis, which have no values, out of archbench's reach.

    Args:
        places: that keep them, such as "a variable of a closure".
    """

    def __init__(self, places: Iterable[str]) -> None:
        super().__init__(
            f"forward() keeps tensors of the analysis, without values, in {', '.join(places)}; "
            "build the network anew before you run it, or profile it with isolated=True"
        )
