"""What `archbench check` does of itself: hold the structure of cells to their lock."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbench.gates.records import GateResult, undecided
from archbench.shell.files_in_use import in_use
from archbench.shell.progress import progress

if TYPE_CHECKING:
    from archbench.gates.structure.records import Check
    from archbench.gates.structure.selection import Selection


def check_structure(
    selection: "Selection", allow: Sequence[str], strict: bool
) -> "GateResult[Check]":
    """Compute the selected cells again, and compare them with the lock.

    Raises:
        ArchbenchError: there is no lock, or an allowance cannot be read.
    """
    from archbench.gates.structure.report import check_report
    from archbench.gates.structure.run import run_check
    from archbench.tables.markdown import code_markdown

    with in_use(*selection.files), progress("checking") as tell:
        found = run_check(selection, allow, strict, tell)
    accept = ""
    if found.accept:
        accept = code_markdown(f"run, and commit {selection.path}", found.accept)
    doubts = undecided(found.verdict_of_cell.values())
    if found.incomplete:
        doubts += (f"the MACs of {', '.join(found.incomplete)} are lower bounds",)
    return GateResult(found, check_report(found), accept, doubts)
