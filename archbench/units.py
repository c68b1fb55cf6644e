"""Numbers and shapes as people read them. Machines get the raw value instead."""

from collections.abc import Iterable

Shape = tuple[int, ...]

_PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K"), (1, ""))
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
    """Choose one factor and unit for a column of times in seconds.

    >>> time_scale([0.0123, 0.5])
    (0.001, 'ms')
    """
    sizes = sorted(value for value in values if value)
    smallest = sizes[0] if sizes else 1.0
    for factor, unit in _TIMES:
        if smallest >= factor:
            return factor, unit
    return _TIMES[-1]


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
