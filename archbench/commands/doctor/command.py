"""`archbench doctor`: what this machine is, how noisy it is, and what would make it quieter."""

from typing import Annotated

import typer

from archbench.shell.options import Device, ResultOptions, Threads
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import listening

MaxTime = Annotated[
    float, typer.Option("--max-time", min=0.0, help="seconds of measuring its noise; 0 for none")
]
MeasureCeilings = Annotated[
    bool, typer.Option("--ceilings", help="measure anew what `bench --layers` compares with")
]


def doctor(
    *,
    device: Device = "auto",
    threads: Threads = None,
    max_time: MaxTime = 30.0,
    ceilings: MeasureCeilings = False,
    result: ResultOptions,
) -> None:
    """Describe this machine, measure its noise, and say what would make it quieter."""
    with destination(result.form, result.output) as out, prints_set_aside():
        from archbench.commands.doctor.report import doctor_report
        from archbench.commands.doctor.run import doctor as diagnose

        with listening("measuring noise") as listener:
            found = diagnose(device, threads, max_time, ceilings, listener)
        out.write(doctor_report(found))
