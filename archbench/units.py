"""Numbers and shapes as people read them. Machines get the raw value instead."""

import re
from collections.abc import Iterable
from fractions import Fraction

Shape = tuple[int, ...]

_PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"), (1, ""))
_BYTES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def three_digits(value: float) -> str:
    """Write a number with three digits that count, and no exponent.

    >>> [three_digits(x) for x in (6.998552, 15.47, 138.4, 1444.08, 0.009472, 0)]
    ['7.00', '15.5', '138', '1,444', '0.00947', '0']
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    decimals = 1
    while size < 9.995 and decimals < 9:
        size *= 10
        decimals += 1
    return f"{value:.{decimals}f}"


def scaled(value: float) -> str:
    """Write a count with its own prefix, the K, M, G and T of powers of 1000.

    >>> scaled(1_582_671_872), scaled(640)
    ('1.58 G', '640')
    """
    for factor, prefix in _PREFIXES:
        if abs(value) >= factor and factor > 1:
            return f"{three_digits(value / factor)} {prefix}"
    return f"{value:,}"


def memory(size: float) -> str:
    """Write a number of bytes in powers of 1024.

    >>> memory(4 * 2**20), memory(1500)
    ('4.00 MiB', '1.46 KiB')
    """
    factor, unit = bytes_scale([size])
    return f"{three_digits(size / factor)} {unit}"


def share(value: float) -> str:
    """Write a share as a percentage; how far it is beyond 1000 % says nothing.

    >>> share(0.0712), share(712.495)
    ('7.1%', '> 1000%')
    """
    return f"{value:.1%}" if value <= 10 else "> 1000%"


def duration(seconds: float) -> str:
    """Write a time with its own unit.

    >>> duration(0.0123), duration(4e-7)
    ('12.3 ms', '400 ns')
    """
    factor, unit = time_scale([seconds])
    return f"{three_digits(seconds / factor)} {unit}"


def parse_bytes(text: str) -> int | None:
    """Read a size of memory; None where it is none. GB is 10⁹ bytes, GiB 2³⁰.

    >>> [parse_bytes(text) for text in ("24GiB", "1.5 gb", "512", "24 G", "-1GiB")]
    [25769803776, 1500000000, 512, None, None]
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B|B)?\s*", text, re.IGNORECASE)
    if found is None:
        return None
    unit = (found[2] or "B").upper()
    base = 1024 if "I" in unit else 1000
    return int(Fraction(found[1]) * base ** "BKMGT".index(unit[0]))


def parse_count(text: str) -> Fraction | None:
    """Read a count with the prefixes of powers of 1000, exactly; None where it is none.

    >>> [parse_count(text) for text in ("4.2G", "26 M", "1000", "1_000", "-3")]
    [Fraction(4200000000, 1), Fraction(26000000, 1), Fraction(1000, 1), None, None]
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT])?\s*", text, re.IGNORECASE)
    if found is None:
        return None
    factors = {prefix: factor for factor, prefix in _PREFIXES}
    return Fraction(found[1]) * factors[(found[2] or "").upper()]


def bytes_scale(values: Iterable[float | None]) -> tuple[int, str]:
    """Choose one factor and unit for a column of bytes; it fits the middle one.

    >>> bytes_scale([4 * 2**20, None, 3 * 2**30, 2**21])
    (1048576, 'MiB')
    """
    sizes = sorted(abs(value) for value in values if value)
    middle = sizes[len(sizes) // 2] if sizes else 0
    return next(((factor, unit) for factor, unit in _BYTES if middle >= factor), _BYTES[-1])


def column_scale(values: Iterable[float | None]) -> tuple[int, str]:
    """Choose one factor and prefix for a whole column, so that a reader can compare down it.

    The prefix fits the middle one of the values that are not zero.

    >>> column_scale([9_472, 0, 114_944, 1_444_080, None])
    (1000, 'K')
    """
    sizes = sorted(abs(value) for value in values if value)
    middle = sizes[len(sizes) // 2] if sizes else 0
    for factor, prefix in _PREFIXES:
        if middle >= factor:
            return factor, prefix
    return 1, ""


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun.

    >>> counted(1, "round"), counted(3, "round"), counted(2, "child", "children")
    ('1 round', '3 rounds', '2 children')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def time_scale(values: Iterable[float | None]) -> tuple[float, str]:
    """Choose one factor and unit for a column of times in seconds; it fits the middle one.

    >>> time_scale([0.0123, 0.5, 2.0])
    (0.001, 'ms')
    """
    sizes = sorted(value for value in values if value)
    middle = sizes[len(sizes) // 2] if sizes else 1.0
    return next(((factor, unit) for factor, unit in _TIMES if middle >= factor), _TIMES[-1])


def shape_for_machines(shape: Shape | None) -> str | None:
    """Write a shape in memory order, channels first: (64, 112, 112) -> '64x112x112'."""
    return None if shape is None else "x".join(map(str, shape))


def shape_for_people(shape: Shape | None) -> str | None:
    """Write a shape as the papers do, channels last: (64, 112, 112) -> '112×112×64'.

    Only three-dimensional shapes are images with channels first; others keep their order.
    """
    if shape is None:
        return None
    if len(shape) == 3:
        shape = (*shape[1:], shape[0])
    return "×".join(map(str, shape)) if shape else "scalar"
