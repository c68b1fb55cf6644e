"""ASCII for signs that a stream's encoding cannot carry, so that no output is lost for a sign.

Two handlers of encoding errors, as `str.encode(encoding, SPELLED)` and `reconfigure(errors=...)`
take them: one for texts, and one for JSON, which has escapes of its own.
"""

import codecs
import json
from collections.abc import Callable, Iterable
from io import TextIOWrapper
from unicodedata import normalize

SPELLED, ESCAPED = "archbench.spelled", "archbench.escaped"

FORMS = {
    "×": "x",
    "µ": "u",
    "μ": "u",  # the Greek letter, which some keyboards give
    "·": "-",
    "±": "+-",
    "°": "deg",
    "²": "^2",
    "³": "^3",
    "≠": "!=",
    "≈": "~=",  # "~" alone is a mark of its own
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "←": "<-",
    "↓": "v",
    "↑": "^",
    "−": "-",  # noqa: RUF001  # the minus of typesetting
    "–": "-",
    "—": "-",
    "‘": "'",  # noqa: RUF001
    "’": "'",  # noqa: RUF001
    "“": '"',
    "”": '"',
    "…": "...",
    "•": "*",
    "─": "-",
    "━": "-",
    "│": "|",
    "\u00a0": " ",  # that must not wrap
}


def carried(text: str, encoding: str, errors: str = SPELLED) -> str:
    """Return a text as an encoding can carry it: unchanged but for the signs that it lacks.

    >>> carried("3×3 ≠ 5×5", "cp1252"), carried("3×3 ≠ 5×5", "ascii")
    ('3×3 != 5×5', '3x3 != 5x5')
    """
    return text.encode(encoding, errors).decode(encoding)


def spelled(sign: str) -> str:
    r"""Write one sign in ASCII: its form, its letter without accents, or its number.

    >>> spelled("≠"), spelled("é"), spelled("网")
    ('!=', 'e', '\\u7f51')
    """
    if sign in FORMS:
        return FORMS[sign]
    letter = normalize("NFD", sign)[0]
    if letter.isascii() and letter.isalpha():
        return letter
    return sign.encode("ascii", "backslashreplace").decode("ascii")


def escaped(sign: str) -> str:
    r"""Write one sign as JSON does.

    >>> escaped("é"), escaped("≠")
    ('\\u00e9', '\\u2260')
    """
    return json.dumps(sign)[1:-1]


def never_fail(streams: Iterable[object]) -> None:
    """Let streams of text spell out the signs that they cannot carry."""
    for stream in streams:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=SPELLED)


def _handler(form: Callable[[str], str]) -> Callable[[UnicodeError], tuple[str, int]]:
    def handle(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return "".join(map(form, error.object[error.start : error.end])), error.end

    return handle


codecs.register_error(SPELLED, _handler(spelled))
codecs.register_error(ESCAPED, _handler(escaped))
