"""`archbench explain MODEL`: why other tools print other numbers for the same network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.cli.options import Aux, Debug, Form, InputSize, Model, ModelKwargs, Output
from archbench.cli.output import destination, prints_set_aside

if TYPE_CHECKING:
    from archbench.papers.explain import Progress

NoRun = Annotated[
    bool, typer.Option("--no-run", help="leave out running the tools that are installed")
]


def explain(
    model: Model,
    input_size: InputSize = None,
    model_kwargs: ModelKwargs = None,
    aux: Aux = False,
    no_run: NoRun = False,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Lead from archbench's params and MACs to what other tools print, term by term."""
    with destination(form, output) as out, prints_set_aside():
        from archbench.models.resolve import parse_kwargs
        from archbench.papers.explain import explain as explained
        from archbench.report.explain import explain_report

        kwargs = parse_kwargs(model_kwargs or []) | ({"aux": True} if aux else {})
        with _progress() as tell:
            explanation = explained(model, kwargs, input_size or None, not no_run, tell)
        out.write(explain_report(explanation))


@contextmanager
def _progress() -> Iterator["Progress"]:
    """Show a bar on a terminal's standard error; it draws between tools."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda share: None
        return
    with Progress(
        TextColumn("counting"), BarColumn(), console=console, transient=True, auto_refresh=False
    ) as bar:
        task = bar.add_task("counting", total=1.0)
        yield lambda share: bar.update(task, completed=share, refresh=True)
