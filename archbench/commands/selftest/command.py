"""`archbench selftest`: false alarms and detections of the time gate on this machine."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from archbench.errors import ArchbenchError, OutputRefused
from archbench.libraries import require
from archbench.shell.atomic_files import atomic_write
from archbench.shell.options import (
    InputSize,
    ResultOptions,
    SideThreads,
    comma_separated,
    complete_model,
)
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import listening

Models = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="MODEL",
        help="default: resnet20 and resnet18",
        autocompletion=complete_model,
        show_default=False,
    ),
]
EqualGates = Annotated[int, typer.Option("--aa", min=0, help="gates of a model against itself")]
Inject = Annotated[str, typer.Option("--inject", help="slowdowns to build in, in percent")]
Runs = Annotated[int, typer.Option("--runs", min=1, help="gates of each slowdown")]
Folder = Annotated[
    Path, typer.Option("--record", help="a folder for every gate; those in it are not run again")
]
Resample = Annotated[
    int, typer.Option("--resample", min=0, help="gates to draw from the recorded pairs; 0 for none")
]
OneProcess = Annotated[bool, typer.Option("--one-process", help="both sides in one process")]
Busy = Annotated[bool, typer.Option("--busy", help="let something compute beside them later on")]
Plot = Annotated[Path | None, typer.Option("--plot", help="draw the power curve: FILE.svg")]


def selftest(
    models: Models = None,
    *,
    aa: EqualGates = 20,
    inject: Inject = "2,3,5,10",
    runs: Runs = 10,
    folder: Folder = Path("selftest"),
    resample: Resample = 2000,
    one_process: OneProcess = False,
    busy: Busy = False,
    input_size: InputSize = None,
    threads: SideThreads = 1,
    plot: Plot = None,
    result: ResultOptions,
) -> None:
    """Put the time gate to the test: equal sides, and slowdowns that are real work.

    It takes hours, and can be interrupted: what was recorded is not run again.
    """
    slowdowns = [_share(word) for word in comma_separated(inject)]
    if plot is not None and plot.suffix.lower() != ".svg":
        raise OutputRefused(f"'{plot}' is no .svg, which pictures are", "--plot power.svg")
    with ExitStack() as stack:  # files that cannot be written are refused now, not in hours
        out = stack.enter_context(destination(result.form, result.output))
        picture = None if plot is None else stack.enter_context(atomic_write(plot))
        stack.enter_context(prints_set_aside())
        from archbench.commands.selftest.report import power_svg, selftest_report
        from archbench.commands.selftest.run import MODELS
        from archbench.commands.selftest.run import selftest as run_selftest
        from archbench.timing.sessions.model_cells import Ways

        if picture is not None:
            require("matplotlib", "pictures")
        with listening("testing") as listener:
            test = run_selftest(
                models or MODELS,
                aa,
                slowdowns,
                runs,
                folder,
                resample,
                one_process,
                busy,
                Ways(threads=threads, device="cpu"),
                input_size or (),
                listener,
            )
        out.write(selftest_report(test))
        if picture is not None:
            picture.write(power_svg(test))


def _share(word: str) -> float:
    """Return a percentage of the command line as a share.

    Raises:
        ArchbenchError: it is no number between 0 and 100.
    """
    try:
        percent = float(word.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not 0 < percent <= 100:
        raise ArchbenchError(f"'{word}' is not a slowdown in percent", "--inject 2,3,5,10")
    return percent / 100
