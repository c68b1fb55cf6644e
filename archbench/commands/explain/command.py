"""`archbench explain MODEL`: why other tools print other numbers for the same network."""

from typing import Annotated

import typer

from archbench.shell.options import Aux, Model, ModelOptions, ResultOptions
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import progress

NoRun = Annotated[
    bool, typer.Option("--no-run", help="leave out running the tools that are installed")
]


def explain(
    model: Model,
    *,
    options: ModelOptions,
    aux: Aux = False,
    no_run: NoRun = False,
    result: ResultOptions,
) -> None:
    """Lead from archbench's params and MACs to what other tools print, term by term."""
    with destination(result.form, result.output) as out, prints_set_aside():
        from archbench.commands.explain.report import explain_report
        from archbench.commands.explain.run import explain as explained

        kwargs = options.arguments() | ({"aux": True} if aux else {})
        with progress("counting") as tell:
            explanation = explained(model, kwargs, options.sizes(), not no_run, tell)
        out.write(explain_report(explanation))
