"""The one rule by which a computed value confirms a printed figure, or does not.

1. A figure that its authors measured, such as an error rate, is *reported*: nothing is computed.
2. What no published structure determines is *not derivable*.
3. A computed value equal to what is printed is *exact*.
4. Amounts (params, MACs, ratios, percentages) are printed with as many digits as their author
   liked. Where rounding the computed value to that many, halves up, gives the print, it is
   *rounded*; where cutting it gives the print, *truncated*; where the two are no more than one of
   the last printed digit apart, *within one unit*.
5. Anything else is *inconsistent*; a count of layers, filters or modules is right or wrong.
"""

import re
from fractions import Fraction
from math import floor
from typing import NamedTuple

from archbench.papers.records import CONFIRMED, PublishedFigure, Verdict

Value = int | Fraction | str

AMOUNTS = frozenset({"params", "macs", "ratio", "percent", "percent_points", "percent_error"})

# A number with its unit or power of ten, and nothing else: not "25×18", "18/25" or "double".
_NUMBER = re.compile(
    r"~?(?P<sign>-?)(?P<whole>[\d,]+)(?:\.(?P<decimals>\d+))?"
    r"\s*(?:[KM]|[Mm]il(?:lion)?|billion|%|x|×|× 10\^\d+)?"
)


class Print(NamedTuple):
    """A printed number, taken apart."""

    value: Fraction  #: in base units
    scale: Fraction  #: what its mantissa is multiplied by: 10⁶ for "3.8M"
    decimals: int  #: digits behind the point

    @property
    def unit(self) -> Fraction:
        """One of the last printed digit, in base units."""
        return self.scale / int(10**self.decimals)

    def rounded(self, value: Fraction) -> str:
        """Write a value with the printed scale and digits, halves up."""
        return self._digits(round_half_up(value / self.unit))

    def cut(self, value: Fraction) -> str:
        """Write a value with the printed scale and digits, the rest cut off."""
        return self._digits(floor(abs(value) / self.unit) * (1 if value >= 0 else -1))

    def _digits(self, units: int) -> str:
        return f"{float(Fraction(units, 10**self.decimals)):.{self.decimals}f}"

    def show(self, value: Fraction) -> str:
        """Write another value in the same scale, with up to two digits more than printed.

        >>> Print(Fraction(2700), Fraction(1000), 1).show(Fraction(2712))
        '2.712'
        """
        digits = self.decimals + 2
        rounded = Fraction(round_half_up(value / self.scale * 10**digits), 10**digits)
        while digits > self.decimals and (rounded * 10 ** (digits - 1)).denominator == 1:
            digits -= 1
        return f"{float(rounded):,.{digits}f}"


def parse(figure: PublishedFigure) -> Print | None:
    """Take an amount apart; None where the print is no plain number.

    The scale follows from the transcribed value, so that K is 1000 or 1024 as the table counts.
    """
    match = _NUMBER.fullmatch(figure.printed)
    if match is None or figure.unit not in AMOUNTS:
        return None
    decimals = match["decimals"] or ""
    mantissa = Fraction(f"{match['sign']}{match['whole'].replace(',', '')}.{decimals or 0}")
    value = Fraction(figure.value)
    if not mantissa:
        return None
    return Print(value, value / mantissa, len(decimals))


def judge(figure: PublishedFigure, computed: Value) -> Verdict:
    """Return how a computed value agrees with the printed one, by rules 3 to 5."""
    if isinstance(computed, str):
        return "exact" if computed == figure.value else "inconsistent"
    if computed == Fraction(figure.value):
        return "exact"
    print_ = parse(figure)
    if print_ is None:
        return "inconsistent"
    value, printed = Fraction(computed), print_.rounded(print_.value)
    if print_.rounded(value) == printed:
        return "rounded"
    if print_.cut(value) == printed:
        return "truncated"
    return "within_1_unit" if abs(value - print_.value) <= print_.unit else "inconsistent"


def confirms(figure: PublishedFigure, computed: Value) -> bool:
    """Tell whether a computed value equals the printed one, or rounds to it."""
    return judge(figure, computed) in CONFIRMED


def round_half_up(value: Fraction) -> int:
    """Round to a whole number, halves away from zero.

    >>> round_half_up(Fraction(5, 2)), round_half_up(Fraction(-5, 2))
    (3, -3)
    """
    whole = floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole
