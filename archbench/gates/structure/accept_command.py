"""The command that accepts the changes that a check found."""

from collections.abc import Mapping
from shlex import join

from archbench.gates.records import Word
from archbench.gates.structure.selection import Selection

MOST_NAMES = 3  # of cells in the command; with more of them it names none and updates all cells


def accept_command(
    selection: Selection,
    verdict_of_cell: Mapping[str, Word],
    cells_with_note: set[str],
    other_convention: bool,
) -> str:
    """Return the command that accepts the changes, or a sentence on what has to come first.

    It is empty where there is nothing to accept. The verdicts are the worst of each cell, those on
    budgets left out, which no lock holds. A cell with a note changed, even if its verdict is "ok".
    """
    names = [
        name
        for name, verdict in verdict_of_cell.items()
        if verdict not in ("ok", "failed") or name in cells_with_note
    ]
    source = selection.project.source
    declared = {cell.name for cell in selection.project.cells}
    if selection.cell_arguments and source is not None:
        undeclared = [name for name in names if name not in declared]
        if undeclared:
            return f"declare '{undeclared[0]}' in {source.name}, then archbench lock"
    if not names:
        return ""
    # an update of all cells takes out missing ones, and counts all by one convention
    all_cells = other_convention or any(verdict_of_cell[name] == "missing" for name in names)
    if all_cells and "failed" in verdict_of_cell.values():
        return "mend what failed, then archbench lock --update"
    arguments = [] if all_cells else list(selection.cell_arguments)
    if not arguments and not all_cells and len(names) <= MOST_NAMES:
        arguments = names
    dash = ["--"] if any(argument.startswith("-") for argument in arguments) else []
    update = ["--update", "--reason", "why it changed"]
    return join(["archbench", "lock", *selection.options, *update, *dash, *arguments])
