"""`archbench judge RUN.jsonl`: every verdict again, from what was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from archbench.gates.time.record_file import read_gate
from archbench.gates.time.records import TimeGate
from archbench.gates.time.report import time_gate_report
from archbench.gates.time.verdicts import verdicts_of
from archbench.shell.files_in_use import in_use
from archbench.shell.options import ResultOptions
from archbench.shell.output import destination
from archbench.shell.streams import warn

Run = Annotated[Path, typer.Argument(help="what `archbench check --time --record` wrote")]
Strict = Annotated[bool, typer.Option("--strict", help="exit 4 if something could not be decided")]


def judge(
    run: Run,
    *,
    strict: Strict = False,
    result: ResultOptions,
) -> None:
    """Recompute the verdicts of a recorded run of the time gate, to the digit."""
    with destination(result.form, result.output) as out, in_use(run):
        plan, pairs = read_gate(run, warn)
        verdicts = verdicts_of(plan, pairs, ended=True).verdicts
        gate = TimeGate(plan, tuple(pairs), verdicts, strict)
        out.write(time_gate_report(gate))
    if gate.exit_code:
        raise typer.Exit(gate.exit_code)
