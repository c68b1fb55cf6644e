"""A recorded run of the time gate: a plan, and a pair a line."""

import json
from pathlib import Path

from archbench.errors import OutputRefused
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.timing.run_file import Warn, lines_of, why_unreadable

SCHEMA = "archbench.gate/"  # the first line's schema begins with it


def read_gate(path: Path, warn: Warn) -> tuple[GatePlan, list[Pair]]:
    """Read a recorded run of the time gate: its plan, and its pairs.

    Args:
        path: the file.
        warn: is told of each line that is no pair.

    Raises:
        OutputRefused: it cannot be read, or does not begin with a plan.
    """
    lines = lines_of(path)
    try:
        plan = GatePlan.from_dict(json.loads(lines[0][1]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise OutputRefused(
            f"'{path}' is no recorded gate: its first line is not a plan",
            "`archbench check --time --base main --record gate.jsonl` writes one",
        ) from error
    pairs = []
    for number, line in lines[1:]:
        try:
            pairs.append(Pair.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            warn(
                f"line {number} of '{path}' is not a pair and is left out: {why_unreadable(error)}"
            )
    return plan, pairs
