"""The statements that are put to the test: claims.csv, one row each."""

from functools import cache

from archbench.papers.packaged import rows_of, titles
from archbench.records.claims import Claim


@cache
def statements() -> tuple[Claim, ...]:
    """Return every claim, in the order of the file."""
    return tuple(
        Claim(
            row["id"],
            row["statement"],
            titles(row["documents"]),
            row["how"],
            row["expected"],
            row["verdict"],  # type: ignore[arg-type]  # tests/test_claims.py holds the words
        )
        for row in rows_of("claims.csv")
    )
