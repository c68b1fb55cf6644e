"""The options that commands share: the same name, type and help everywhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from archbench.errors import ArchbenchError, nearest
from archbench.registry import ARCHITECTURES
from archbench.report.render import Format

Verdict = TypeVar("Verdict", bound=str)


def complete_model(incomplete: str) -> list[str]:
    """Offer the registry's names to the shell."""
    return [row.name for row in ARCHITECTURES if row.name.startswith(incomplete)]


def verdicts_named(words: Sequence[str], known: Mapping[str, Verdict]) -> tuple[Verdict, ...]:
    """Take verdicts as JSON or as people write them: "within_1_unit", "within one unit".

    Args:
        words: what was asked for.
        known: every spelling of every verdict.

    Raises:
        ArchbenchError: there is no such verdict.
    """
    for word in words:
        if word not in known:
            names = ", ".join(dict.fromkeys(known.values()))
            raise ArchbenchError(
                f"there is no verdict '{word}'", f"{nearest(word, known)}there are {names}"
            )
    return tuple(known[word] for word in words)


MODEL_HELP = "a registry name, path/to/file.py:factory, package.module:factory, torchvision:NAME"
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help=MODEL_HELP, autocompletion=complete_model)
]
InputSize = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--input-size",
        help="without the batch: 3x224x224, 224, or name:dtype:shape, repeatable"
        " (default: the architecture's own)",
        show_default=False,
    ),
]
BatchSize = Annotated[int, typer.Option("-b", "--batch-size", help="samples in one pass")]
ModelKwargs = Annotated[
    list[str] | None,
    typer.Option("--model-kwargs", help="name=value for the network's builder, repeatable"),
]
Aux = Annotated[bool, typer.Option("--aux", help="build the auxiliary heads of training")]
Device = Annotated[str, typer.Option("-d", "--device", help="auto, cpu, cuda, cuda:1 or mps")]
Form = Annotated[
    Format | None,
    typer.Option(
        "-f",
        "--format",
        help="how to write it (default: as the file's suffix says, or a table)",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="a file, replaced whole; else standard output")
]
Strict = Annotated[bool, typer.Option("--strict", help="exit 4 if anything stayed uncounted")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]
