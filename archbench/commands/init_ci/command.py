"""`archbench init-ci`: put gates into a repository."""

from typing import Annotated

import typer

from archbench.errors import ArchbenchError
from archbench.shell.options import MODEL_HELP, Form, ModelOptions, complete_model
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import progress

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
Requirement = Annotated[
    str,
    typer.Option(
        "--requirement",
        metavar="REQUIREMENT",
        help="what the workflow installs archbench from, as pip takes it (default: where this "
        "archbench was installed from)",
        show_default=False,
    ),
]


def init_ci(
    models: Models = None,
    *,
    github: GitHub = False,
    requirement: Requirement = "",
    options: ModelOptions,
    form: Form = None,
) -> None:
    """Write cells, a first lock and a pytest-benchmark suite into this project.

    Nothing is overwritten: a file that is there stays, and what it lacks is shown.
    """
    for option, given in (("-i", options.input_size), ("--model-kwargs", options.model_kwargs)):
        if given and not models:
            raise ArchbenchError(
                f"{option} belongs to a MODEL that is named beside it", "leave it out"
            )
    if requirement and not github:
        raise ArchbenchError("--requirement is for the workflow", "add --github")
    with destination(form, None) as out, prints_set_aside():
        from archbench.commands.init_ci.report import init_ci_report
        from archbench.commands.init_ci.run import init_ci as place

        kwargs = options.arguments()
        with progress("counting") as tell:
            done = place(models or [], github, options.input_size or [], kwargs, requirement, tell)
        out.write(init_ci_report(done))
