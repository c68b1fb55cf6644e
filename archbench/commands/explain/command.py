"""`archbench explain MODEL`: why other tools print other numbers for the same network."""

from typing import Annotated

import typer

from archbench.shell.options import Aux, Debug, Form, InputSize, Model, ModelKwargs, Output
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import progress

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
        from archbench.commands.explain.report import explain_report
        from archbench.commands.explain.run import explain as explained
        from archbench.networks.resolve import parse_kwargs

        kwargs = parse_kwargs(model_kwargs or []) | ({"aux": True} if aux else {})
        with progress("counting") as tell:
            explanation = explained(model, kwargs, input_size or None, not no_run, tell)
        out.write(explain_report(explanation))
