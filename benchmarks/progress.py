"""How far a benchmark is, for whoever waits for it."""

import sys


def tell(text: str) -> None:
    """Write progress over itself on a terminal's standard error."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
