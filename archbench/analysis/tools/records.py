"""The terms of the sum from archbench's count to another tool's, and the number that it prints."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from archbench.record import Record

Quantity = Literal["params", "macs"]


@dataclass(frozen=True, slots=True)
class Term(Record):
    """One named difference between two ways of counting, or between two networks."""

    name: str  #: the thing that is counted otherwise
    amount: int  #: the difference; negative where the other counts less

    @property
    def summary_line(self) -> str:
        """The amount with its sign, and its name."""
        return f"{self.amount:+,} {self.name}"


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as a tool prints it."""

    text: str  #: its digits, "25,557,032" or "4.089"
    unit: int = 1  #: of the number: 10**9 where billions are printed
    whole: str = ""  #: the whole text, where it has more than digits: "3.8 × 10^9"

    @property
    def value(self) -> int:
        """The number in base units."""
        return int(self._number * self.unit)

    @property
    def to_the_digit(self) -> bool:
        """Whether nothing was rounded away."""
        return self.unit == 1

    def agrees_with(self, total: int) -> bool:
        """Tell whether a total prints as this text.

        >>> Printed("4.089", 10**9).agrees_with(4_089_184_256), Printed("15").agrees_with(16)
        (True, False)
        """
        exponent = self._number.as_tuple().exponent
        assert isinstance(exponent, int)  # a finite number has one
        last_digit = self.unit * Decimal(1).scaleb(exponent)
        return abs(self._number * self.unit - total) <= last_digit / 2

    @property
    def _number(self) -> Decimal:
        return Decimal(self.text.replace(",", ""))
