"""The saved-run gate, as `archbench check --pytest-benchmark` runs it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gates.records import GateResult, undecided
from archbench.shell.files_in_use import in_use

if TYPE_CHECKING:
    from archbench.gates.saved_runs.records import SavedCheck

HOW = "`archbench check --pytest-benchmark before*.json -- after*.json`"


def check_saved_runs(arguments: Sequence[str], strict: bool) -> "GateResult[SavedCheck]":
    """Read the saved runs of both sides, and judge them.

    The arguments are files of the first side, "--", and files of the second side.

    Raises:
        ArchbenchError: a side is missing, or a file cannot be read, or is named twice.
        NothingMeasured: the files hold no benchmark.
        OutputRefused: a result would go where a saved run is.
    """
    from archbench.gates.rules import Rules
    from archbench.gates.saved_runs.judge import judge_saved
    from archbench.gates.saved_runs.report import saved_report
    from archbench.gates.saved_runs.saved_file import read_saved

    if arguments.count("--") != 1 or "--" in (arguments[0], arguments[-1]):
        raise ArchbenchError("two sides of saved runs are needed, with -- between them", HOW)
    middle = list(arguments).index("--")
    option = next((word for word in arguments if word.startswith("-") and word != "--"), None)
    if option is not None:
        raise ArchbenchError(
            f"'{option}' stands behind the files, where only files do",
            f"options go in front: `archbench check {option} ... --pytest-benchmark ...`",
        )
    paths = [Path(word) for word in arguments if word != "--"]
    with in_use(*paths):
        runs = read_saved(paths)
    found = judge_saved(runs[:middle], runs[middle:], Rules(), strict)
    if not found.verdicts:
        raise NothingMeasured("the files hold no benchmark at all", HOW)
    return GateResult(found, saved_report(found), doubts=undecided(found.verdict_of_cell.values()))
