"""A recorded run of the time gate: a plan, and a pair a line."""

import json
from pathlib import Path

from archbench.errors import OutputRefused
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.timing.run_file import Warn, lines_of, records_of


def read_gate(path: Path, warn: Warn) -> tuple[GatePlan, list[Pair]]:
    """Return the plan and the pairs of a recorded run; other lines are left out with a warning.

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
    return plan, records_of(path, lines[1:], Pair, warn)
