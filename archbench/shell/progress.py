"""A progress bar on a terminal's standard error, for work that takes seconds or longer."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from archbench.shell import interrupt
from archbench.shell.streams import show_output, warn

if TYPE_CHECKING:
    from archbench.timing.sessions.job_runner import Listener

T = TypeVar("T")


def collect(doing: str, items: Iterable[T], count: int) -> tuple[T, ...]:
    """Return the items that an iterator makes one by one, `count` in all; show a bar meanwhile."""
    found = []
    with progress(doing) as tell:
        for item in items:
            found.append(item)
            tell(len(found) / count)
    return tuple(found)


@contextmanager
def listening(doing: str) -> Iterator["Listener"]:
    """Show a bar while a run is measured; prints of models and warnings go to standard error."""
    from archbench.timing.sessions.job_runner import Listener

    with progress(doing) as tell:
        yield Listener(tell, show_output, warn)


@contextmanager
def progress(doing: str) -> Iterator[Callable[..., None]]:
    """Show a bar; what is yielded takes the share that is done, and draws only when told.

    It also takes the seconds that are left, where the caller knows better than the bar, which
    goes by the speed so far.

    Between two shares a Ctrl-C that got lost is found again.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    # a terminal in fact: FORCE_COLOR lets Rich take a file for one
    if sys.stderr is None or not (sys.stderr.isatty() and console.is_interactive):
        yield lambda share, left_s=None: interrupt.check()
        return
    columns = (TextColumn(doing), BarColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(doing, total=1.0, left="")

        def tell(share: float, left_s: float | None = None) -> None:
            interrupt.check()
            own = bar.tasks[0].time_remaining if left_s is None else left_s
            if abs(share - bar.tasks[0].completed) >= 0.01 or share >= 1 or left_s is not None:
                left = "" if own is None else f"about {timedelta(seconds=round(own))} left"
                bar.update(task, completed=share, left=left, refresh=True)

        try:
            yield tell
        finally:  # what was printed without an end of line waits here, and would be lost
            sys.stdout.flush()
            sys.stderr.flush()
