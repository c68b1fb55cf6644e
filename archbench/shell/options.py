"""The options that commands share: the same name, type and help everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from archbench.errors import ArchbenchError, nearest
from archbench.networks.brackets import WAY_KEYS, items_of
from archbench.networks.registry import ARCHITECTURES
from archbench.tables.render import Format

if TYPE_CHECKING:
    from archbench.timing.sessions.model_cells import Ways

Verdict = TypeVar("Verdict", bound=str)


def complete_model(incomplete: str) -> list[str]:
    """Offer the registry's names to the shell; behind a bracket, the keys of its settings."""
    name, opened, settings = incomplete.partition("[")
    if not opened:
        return [row.name for row in ARCHITECTURES if row.name.startswith(incomplete)]
    items = items_of(settings)
    if items is None or "=" in items[-1]:  # inside of a value
        return []
    taken = {item.partition("=")[0].strip() for item in items[:-1]}
    arguments = [key for row in ARCHITECTURES if row.name == name for key, _ in row.choices]
    head = incomplete.removesuffix(items[-1])
    return [
        f"{head}{key}" if key == "channels_last" else f"{head}{key}="
        for key in dict.fromkeys([*arguments, *WAY_KEYS.values()])
        if key.startswith(items[-1].strip()) and key not in taken
    ]


def verdicts_named(words: Sequence[str], known: Mapping[str, Verdict]) -> tuple[Verdict, ...]:
    """Return verdicts from words; `known` has every spelling: "within_1_unit", "within one unit".

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


def comma_separated(text: str) -> list[str]:
    """Split what is written with commas.

    >>> comma_separated("fp32, bf16")
    ['fp32', 'bf16']
    """
    return [word for word in (part.strip() for part in text.split(",")) if word]


MODEL_HELP = (
    "a registry name, path/to/file.py:factory, package.module:factory, torchvision:NAME; "
    r"'NAME\[key=value,...]' sets arguments and ways of this MODEL, which win over the options"
)
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help=MODEL_HELP, autocompletion=complete_model)
]
InputSize = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--input-size",
        help="without the batch: 3x224x224, 224, or name:dtype:shape, repeatable; "
        "2x156! takes no batch; net.py:inputs is a function that returns the inputs "
        "(default: archbench_inputs() beside the factory, or the architecture's own)",
        show_default=False,
    ),
]
BatchSize = Annotated[int, typer.Option("-b", "--batch-size", help="samples in one pass")]
CellBatch = Annotated[
    int | None,
    typer.Option(
        "-b",
        "--batch-size",
        min=1,
        help="samples in one pass (default: the cell's own)",
        show_default=False,
    ),
]
Cells = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CELL",
        help="names or patterns of cells that archbench.toml, pyproject.toml or the lock hold, or "
        "MODELs, whose settings in brackets win over the options; all cells where none is named",
        autocompletion=complete_model,
        show_default=False,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="archbench.toml or pyproject.toml (default: the nearest, from here upwards)",
        show_default=False,
    ),
]
ModelKwargs = Annotated[
    list[str] | None,
    typer.Option("--model-kwargs", help="name=value for the network's builder, repeatable"),
]
Aux = Annotated[bool, typer.Option("--aux", help="build the auxiliary heads of training")]
Device = Annotated[str, typer.Option("-d", "--device", help="auto, cpu, cuda, cuda:1 or mps")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, max=1024, help="CPU threads (default: torch's own)", show_default=False
    ),
]
SideThreads = Annotated[
    int,
    typer.Option(
        "--threads", min=1, max=1024, help="CPU threads of each side; with one, both share a core"
    ),
]
Precision = Annotated[str, typer.Option(help="fp32, tf32, fp16, bf16 or amp")]
RunMode = Annotated[str, typer.Option("--mode", help="infer, or train for a whole step")]
ChannelsLast = Annotated[bool, typer.Option("--channels-last", help="memory order of images")]
Compile = Annotated[
    str | None,
    typer.Option(
        "--compile",
        metavar="[=MODE]",
        help="torch.compile; --compile=max-autotune names a mode",
        show_default=False,
    ),
]
CudaGraph = Annotated[bool, typer.Option("--cuda-graph", help="replay one captured graph")]
ColdCache = Annotated[bool, typer.Option("--cold-cache", help="let inputs take turns")]
Optimizer = Annotated[str, typer.Option(help="of --mode train: sgd, momentum or adam")]
Sessions = Annotated[int, typer.Option("--sessions", min=1, help="fresh processes")]
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


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """Where a command's result goes, and how it is written."""

    form: Form = None
    output: Output = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The input sizes of models, and the arguments of their builders."""

    input_size: InputSize = None
    model_kwargs: ModelKwargs = None

    def sizes(self) -> list[str] | None:
        """Return the input sizes; None for the architecture's own."""
        return self.input_size or None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the builder.

        Raises:
            ArchbenchError: one of them is not name=value.
        """
        from archbench.networks.resolve import parse_kwargs

        return parse_kwargs(self.model_kwargs or [])


@dataclass(frozen=True, slots=True)
class WayOptions:
    """How models are run to be measured."""

    device: Device = "auto"
    precision: Precision = "fp32"
    mode: RunMode = "infer"
    channels_last: ChannelsLast = False
    compile_mode: Compile = None
    cuda_graph: CudaGraph = False
    optimizer: Optimizer = "momentum"
    threads: Threads = None

    def ways(
        self, batch_sizes: Sequence[int], swept: bool = False, cold_cache: bool = False
    ) -> "Ways":
        """Return the ways to run a model.

        With `swept`, precision and mode may be several, with commas between them.
        """
        from archbench.timing.sessions.model_cells import Ways

        return Ways(
            batch_sizes,
            self.device,
            comma_separated(self.precision) if swept else (self.precision,),
            comma_separated(self.mode) if swept else (self.mode,),
            self.channels_last,
            self.compile_mode,
            self.cuda_graph,
            cold_cache,
            optimizer=self.optimizer,
            threads=self.threads,
        )


@dataclass(frozen=True, slots=True)
class CellOptions(ModelOptions):
    """The file that declares cells, and the settings of cells that the command line names."""

    batch_size: CellBatch = None
    config: Config = None

    def settings(self, cells: Sequence[str] | None) -> dict[str, Any]:
        """Return the settings that replace those of the named cells.

        Raises:
            ArchbenchError: no cell is named that they could belong to.
        """
        settings: dict[str, Any] = {}
        if self.input_size:
            settings["input_size"] = tuple(self.input_size)
        if self.batch_size is not None:
            settings["batch_size"] = self.batch_size
        if self.model_kwargs:
            settings["model_kwargs"] = self.arguments()
        if settings and not cells:
            raise ArchbenchError(
                "-i, -b and --model-kwargs belong to a MODEL that is named beside them",
                "cells of a configuration have theirs there",
            )
        return settings

    def command_line(self) -> list[str]:
        """Return the settings as the words of a command line."""
        batch = [] if self.batch_size is None else ["-b", str(self.batch_size)]
        return [
            *(word for size in self.input_size or [] for word in ("-i", size)),
            *batch,
            *(word for pair in self.model_kwargs or [] for word in ("--model-kwargs", pair)),
        ]
