"""A number of bytes that is known exactly, between two bounds, or from below only."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The most bytes that an operation holds at once."""

    low: int  #: lower bound
    high: int | None  #: upper bound; None where it is not known
    unknown: str = ""  #: the reason why there is no upper bound

    def plus(self, size: int, at_most: int | None = None) -> "ByteRange":
        """Add `size` to both bounds; `at_most`, where given, to the upper one instead.

        >>> exactly(8).plus(1, at_most=4)
        ByteRange(low=9, high=12, unknown='')
        """
        more = size if at_most is None else at_most
        high = None if self.high is None else self.high + more
        return ByteRange(self.low + size, high, self.unknown)


def exactly(size: int) -> ByteRange:
    """Return the range of a known size.

    >>> exactly(8)
    ByteRange(low=8, high=8, unknown='')
    """
    return ByteRange(size, size)


def at_least(size: int, unknown: str) -> ByteRange:
    """Return a lower bound, with the reason why there is no upper one."""
    return ByteRange(size, None, unknown)


def highest(*moments: ByteRange) -> ByteRange:
    """Return the range of the largest of several moments, one after the other.

    >>> highest(ByteRange(1, 5), exactly(3))
    ByteRange(low=3, high=5, unknown='')
    """
    highs = [moment.high for moment in moments if moment.high is not None]
    reasons = [moment.unknown for moment in moments if moment.unknown]
    high = max(highs) if len(highs) == len(moments) else None
    return ByteRange(max(moment.low for moment in moments), high, "; ".join(dict.fromkeys(reasons)))


def one_of(cases: Iterable[ByteRange]) -> ByteRange:
    """Return the range that covers every case; each case needs an upper bound.

    >>> one_of([exactly(3), ByteRange(5, 9)])
    ByteRange(low=3, high=9, unknown='')
    """
    pairs = [(case.low, case.high or 0) for case in cases]
    return ByteRange(min(low for low, _ in pairs), max(high for _, high in pairs))


NOTHING = exactly(0)
