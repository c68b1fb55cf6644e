"""A bar on a terminal's standard error, for what takes longer than a breath."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archbench.cli import interrupt


@contextmanager
def progress(doing: str) -> Iterator[Callable[[float], None]]:
    """Show a bar; what is yielded takes the share that is done, and draws only when told.

    Between two shares a Ctrl-C that got lost is found again.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda share: interrupt.check()
        return
    columns = (TextColumn(doing), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(doing, total=1.0)

        def tell(share: float) -> None:
            interrupt.check()
            if share - bar.tasks[0].completed >= 0.01 or share >= 1:
                bar.update(task, completed=share, refresh=True)

        yield tell
