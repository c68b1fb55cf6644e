"""The command that accepts what a check found."""

from collections.abc import Mapping
from shlex import join

from archbench.gates.records import Word
from archbench.gates.structure.selection import Selection

NAMED = 3  # cells that a command names, beyond which it is for all


def accept_command(
    selection: Selection, words: Mapping[str, Word], noted: set[str], other_convention: bool
) -> str:
    """Return the command that accepts what was computed, or say what has to come before.

    Args:
        selection: of the cells that were checked.
        words: the worst verdict of each cell, budgets aside, which no lock holds.
        noted: cells with a note, which a verdict that is "ok" does not show.
        other_convention: the lock counts by another one.

    Returns:
        Empty where there is nothing to accept.
    """
    names = [name for name, word in words.items() if word not in ("ok", "failed") or name in noted]
    source = selection.project.source
    declared = {cell.name for cell in selection.project.cells}
    if selection.named and source is not None:
        strays = [name for name in names if name not in declared]
        if strays:
            return f"declare '{strays[0]}' in {source.name}, then archbench lock"
    if not names:
        return ""
    # a whole update takes out what is missing, and counts all by one convention
    whole = other_convention or any(words[name] == "missing" for name in names)
    if whole and "failed" in words.values():
        return "mend what failed, then archbench lock --update"
    chosen = list(selection.named) if not whole else []
    if not chosen and not whole and len(names) <= NAMED:
        chosen = names
    dash = ["--"] if any(word.startswith("-") for word in chosen) else []
    why = ["--update", "--reason", "why it changed"]
    return join(["archbench", "lock", *selection.options, *why, *dash, *chosen])
