"""What `archbench check --time` does: gate the time of cells against a commit or a model."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import NothingMeasured
from archbench.gates.records import GateResult, undecided
from archbench.shell import interrupt
from archbench.shell.files_in_use import in_use
from archbench.shell.options import (
    ChannelsLast,
    Device,
    Optimizer,
    Precision,
    RunMode,
    SideThreads,
)
from archbench.shell.progress import listening

if TYPE_CHECKING:
    from archbench.gates.structure.selection import Selection
    from archbench.gates.time.records import TimeGate

Time = Annotated[bool, typer.Option("--time", help="gate the time, with --base or --against")]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="a commit to be timed beside this tree"),
]
Against = Annotated[
    str | None, typer.Option("--against", metavar="MODEL", help="a model to be timed beside it")
]
Setup = Annotated[
    str, typer.Option("--setup", metavar="COMMAND", help="what a tree needs before it can be run")
]
MaxTime = Annotated[
    float | None,
    typer.Option("--max-time", min=1.0, help="seconds, for all cells", show_default=False),
]
Record = Annotated[
    Path | None, typer.Option("--record", help="keep every pair, for `archbench judge`")
]
MERGED = "No time is stored, so there is nothing to update: what is merged is the next base."


@dataclass(frozen=True, slots=True)
class TimeOptions:
    """What cells are timed beside, and how."""

    time: Time = False
    base: Base = None
    against: Against = None
    setup: Setup = ""
    max_time: MaxTime = None
    record: Record = None
    device: Device = "cpu"
    precision: Precision = "fp32"
    mode: RunMode = "infer"
    optimizer: Optimizer = "momentum"
    channels_last: ChannelsLast = False
    threads: SideThreads = 1

    @property
    def wanted(self) -> bool:
        """Whether time is to be gated."""
        return self.time or self.base is not None or self.against is not None


def check_time(
    selection: "Selection", options: TimeOptions, strict: bool
) -> "GateResult[TimeGate]":
    """Gate the time of the selected cells; either `base` or `against` is set in the options.

    Raises:
        NothingMeasured: there are no cells.
        ArchbenchError: something asked for is not known, or cannot be had.
    """
    from archbench.gates.rules import Rules
    from archbench.gates.structure.selection import from_root
    from archbench.gates.time.against_commit import commit_comparison
    from archbench.gates.time.against_model import model_comparison
    from archbench.gates.time.report import time_gate_report
    from archbench.gates.time.run import run_gate
    from archbench.timing.sessions.model_cells import Ways

    ways = Ways(
        device=options.device,
        precisions=(options.precision,),
        modes=(options.mode,),
        channels_last=options.channels_last,
        optimizer=options.optimizer,
        threads=options.threads,
    )
    if not selection.cells:
        raise NothingMeasured("there are no cells to time", "`archbench check MODEL --time ...`")
    until = None if options.max_time is None else time.monotonic() + options.max_time
    record = None if options.record is None else options.record.absolute()  # the folder may change
    cells, project = selection.cells, selection.project
    with in_use(*selection.files, record), listening("measuring") as listener:
        if options.base is not None:
            base, setup, whole = options.base, options.setup, not selection.cell_arguments
            sides = commit_comparison(cells, base, project, setup, ways, whole, listener)
        else:
            model = from_root(options.against or "", project.root)
            sides = model_comparison(cells, model, project.root, ways, listener)
        with sides as comparison:
            gate = run_gate(comparison, Rules(), until, record, listener)
    interrupt.check()
    found = replace(gate, strict=strict)
    doubts = undecided(found.verdict_of_cell.values())
    if found.control_failure is not None:
        doubts += ("base could not be measured against itself",)
    return GateResult(
        found,
        time_gate_report(found),
        MERGED if found.exit_code == 1 else "",
        doubts,
        {"base": found.plan.base} if options.base is not None else {},
    )
