"""`archbench init-ci`: put gates into a repository."""

from typing import Annotated

import typer

from archbench.cli.options import MODEL_HELP, Debug, Form, InputSize, complete_model
from archbench.cli.output import destination, prints_set_aside
from archbench.errors import ArchbenchError

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help=f"{MODEL_HELP} (default: what is declared, or resnet18 to begin with)",
        autocompletion=complete_model,
        show_default=False,
    ),
]
GitHub = Annotated[bool, typer.Option("--github", help="a workflow for GitHub Actions, too")]


def init_ci(
    models: Models = None,
    github: GitHub = False,
    input_size: InputSize = None,
    form: Form = None,
    debug: Debug = False,
) -> None:
    """Write cells, a first lock and a pytest-benchmark suite into this repository.

    Nothing is overwritten: a file that is there stays, and what it lacks is shown.
    """
    if input_size and not models:
        raise ArchbenchError("-i belongs to a MODEL that is named beside it", "leave it out")
    with destination(form, None) as out, prints_set_aside():
        from archbench.api.init_ci import init_ci as place
        from archbench.report.init_ci import init_ci_report

        out.write(init_ci_report(place(models or [], github, input_size or [])))
