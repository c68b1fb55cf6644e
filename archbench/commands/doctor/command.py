"""`archbench doctor`: what this machine is, how noisy it is, and what would make it quieter."""

from typing import Annotated

import typer

from archbench.shell.options import Debug, Device, Form, Output, Threads
from archbench.shell.output import destination, heard, prints_set_aside, warn
from archbench.shell.progress import progress

MaxTime = Annotated[
    float, typer.Option("--max-time", min=0.0, help="seconds of measuring its noise; 0 for none")
]
MeasureCeilings = Annotated[
    bool, typer.Option("--ceilings", help="measure anew what `bench --layers` compares with")
]


def doctor(
    device: Device = "auto",
    threads: Threads = None,
    max_time: MaxTime = 30.0,
    ceilings: MeasureCeilings = False,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Describe this machine, measure its noise, and say what would make it quieter."""
    with destination(form, output) as out, prints_set_aside():
        from archbench.commands.doctor.report import doctor_report
        from archbench.commands.doctor.run import doctor as diagnose
        from archbench.timing.sessions.job_runner import Listener

        with progress("measuring noise") as tell:
            found = diagnose(device, threads, max_time, ceilings, Listener(tell, heard, warn))
        out.write(doctor_report(found))
