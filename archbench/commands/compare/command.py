"""`archbench compare A B`: structure side by side, exactly; speed with an interval."""

from typing import Annotated

import typer

from archbench.shell import interrupt
from archbench.shell.options import (
    MODEL_HELP,
    BatchSize,
    ModelOptions,
    ResultOptions,
    Sessions,
    WayOptions,
    complete_model,
)
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import listening
from archbench.tables.render import Format

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help=f"two or more; the first is the reference. {MODEL_HELP}",
        autocompletion=complete_model,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="exit 4 if a verdict is unknown or inconclusive")
]
NoBench = Annotated[bool, typer.Option("--no-bench", help="leave the measuring out")]
MaxTime = Annotated[
    float,
    typer.Option("--max-time", min=0.1, help="seconds of measuring, all processes together"),
]


def compare(
    models: Models,
    *,
    options: ModelOptions,
    batch_size: BatchSize = 1,
    how: WayOptions,
    sessions: Sessions = 5,
    max_time: MaxTime = 20.0,
    no_bench: NoBench = False,
    strict: Strict = False,
    result: ResultOptions,
) -> None:
    """Put networks side by side: structure exactly, latency with a 95 % interval."""
    with destination(result.form, result.output) as out, prints_set_aside():
        from archbench.commands.compare.changes import with_times
        from archbench.commands.compare.report import structure_report, time_report, whole_report
        from archbench.commands.compare.run import measure_in_turn, refuse_undecided, structure_of
        from archbench.timing.sessions.model_cells import model_cells

        ways = how.ways((batch_size,))
        with model_cells(models, options.sizes(), options.arguments(), ways) as found:
            comparison = structure_of(found)
            at_once = out.form is Format.TABLE  # the structural part need not wait for the clock
            if at_once:
                out.write(structure_report(comparison))
            if not no_bench:
                interrupt.check()
                with listening("measuring") as listener:
                    times = measure_in_turn(found, sessions, max_time, listener)
                comparison = with_times(comparison, times)
                if at_once:
                    out.write(time_report(comparison))
            if not at_once:
                out.write(whole_report(comparison))
    if strict:
        refuse_undecided(comparison)
