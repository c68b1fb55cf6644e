"""Any text on one line of a terminal."""


def printable(text: str) -> str:
    r"""Write control characters as Python's escapes.

    >>> printable("a\nb")
    'a\\nb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str, longest: int) -> str:
    r"""Keep a text on its line: no control characters of a name or an error, no endless length.

    >>> one_line("one\ttwo three", longest=10)
    'one\\ttwo …'
    """
    shown = printable(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
