"""The statements that are put to the test: claims.csv, one row each."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from archbench.csv_tables import rows_of, several
from archbench.errors import ArchbenchError, nearest
from archbench.papers.claims.records import Claim


@cache
def statements() -> tuple[Claim, ...]:
    """Return every claim, in the order of the file."""
    return tuple(_claim(**row) for row in rows_of("papers/claims.csv"))


def _claim(documents: str, **cells: Any) -> Claim:
    """Make a claim of its row, in which every column is a field."""
    return Claim(documents=several(documents), **cells)


def select(names: Sequence[str] = ()) -> tuple[Claim, ...]:
    """Return the claims of those names, in which * stands for any text; all for none.

    Raises:
        ArchbenchError: there is no such claim.
    """
    known = [claim.id for claim in statements()]
    for name in names:
        if not any(fnmatchcase(claim, name) for claim in known):
            guess = nearest(name, known)
            if any(claim.startswith(f"{name}.") for claim in known):
                guess = f"did you mean '{name}.*'? "
            raise ArchbenchError(
                f"there is no claim '{name}'", f"{guess}`archbench claims --list` names them all"
            )
    return tuple(
        claim
        for claim in statements()
        if not names or any(fnmatchcase(claim.id, name) for name in names)
    )
