"""A busy neighbour: a process that computes beside the pairs of a gate."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from archbench.gates.time.comparison import Measure
from archbench.gates.time.pairs import Pair
from archbench.timing.processes.children import Child

BUSY_LOOP = """
from archbench.timing.processes.lifeline import end_with_parent
end_with_parent()
while True: pass
"""
QUIET_PAIRS = 5  # before it starts: the first half of the screening of one cell and the control


@contextmanager
def busy_neighbour() -> Iterator[Callable[[Measure], Measure]]:
    """Yield what lets a Measure run beside a busy process, from the sixth pair of a gate on.

    The pairs of all such measures count together. The process ends with the context.
    """
    pairs = 0
    with ExitStack() as stack:

        def beside(measure: Measure) -> Measure:
            def disturbed(pair: Pair) -> Pair:
                nonlocal pairs
                if pairs == QUIET_PAIRS:
                    stack.callback(_busy_process().end)
                pairs += 1
                return measure(pair)

            return disturbed

        yield beside


def _busy_process() -> Child:
    nowhere = subprocess.DEVNULL
    return Child([sys.executable, "-c", BUSY_LOOP], stdin=nowhere, stdout=nowhere, stderr=nowhere)
