"""Regressions as GitHub's workflow commands, which it shows beside a pull request.

Source: GitHub Docs, Workflow commands for GitHub Actions.
"""

from collections.abc import Sequence

from archbench.gates.ci.outcomes import Outcome

MOST = 10  # errors that GitHub shows of one step


def annotations(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a line for each cell that regressed, and for no other.

    Of more than GitHub shows, the last line counts the rest.

    >>> annotations([Outcome("a,b", "regressed", "+5 %"), Outcome("c", "ok", "as locked")])
    ['::error title=archbench%3A a%2Cb regressed::+5 %25']
    """
    found = [(f"{one.cell} regressed", one.message) for one in outcomes if one.word == "regressed"]
    if len(found) > MOST:
        left = len(found) - MOST + 1
        found[MOST - 1 :] = [(f"{left} more cells regressed", "the summary names them all")]
    return [
        f"::error title={_property(f'archbench: {title}')}::{_data(message)}"
        for title, message in found
    ]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
