"""What a difference is called."""

from archbench.commands.compare.records import StructureVerdict, TimeVerdict
from archbench.gates.rules import IMPORTANT, NEGLIGIBLE


def structure_verdict(a: int | None, b: int | None) -> StructureVerdict:
    """Compare two exact counts; what one of them does not have counts as nothing."""
    left, right = a or 0, b or 0
    return "equal" if left == right else "smaller" if right < left else "larger"


def time_verdict(ratio: float, interval: tuple[float, float] | None) -> TimeVerdict:
    """Call a measured ratio of times what its interval allows, and no more.

    Faster or slower: the whole interval lies on one side of 1, and the ratio is 1 % away from it.
    No difference: the whole interval lies within 5 %. Otherwise the measurement cannot tell.
    """
    if interval is None:
        return "inconclusive"
    low, high = interval
    if low > 1 and ratio >= 1 + NEGLIGIBLE:
        return "slower"
    if high < 1 and ratio <= 1 - NEGLIGIBLE:
        return "faster"
    if low > 1 / (1 + IMPORTANT) and high < 1 + IMPORTANT:
        return "no_difference"
    return "inconclusive"
