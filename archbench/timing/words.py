"""Flags and machines in words, for all reports."""

from collections.abc import Sequence

from archbench.timing.machine.records import Environment
from archbench.timing.records import Flag
from archbench.units import counted

FLAGS: dict[Flag, str] = {
    "cut_short": "the time was up before it had warmed up; --max-time gives it longer",
    "unsettled": "its times still drifted when they were taken",
    "throttled": "the device lowered its clock to protect itself",
    "foreign_process": "something else computed beside it",
    "recompiled": "torch.compile ran again while it was timed",
    "compilations_unknown": "this torch does not tell whether torch.compile ran again meanwhile",
    "not_finite": "an activation is infinite or not a number, which may change the time",
    "denormal": "activations are subnormal, which many processors compute slowly",
    "zero_integers": "an integer input is 0, since nothing shows which values it may have; a "
    "network that depends on them takes another time",
    "no_grad": "inference mode fails, as where forward() differentiates: timed under no_grad()",
    "grows": "it keeps tensors of its calls: more memory was taken after the last timed call than "
    "before the first",
    "unsynchronised": "waiting for the device does not wait: the times cannot be trusted",
    "launch_bound": "the device waits for the host, which takes as long to launch its work",
    "oom": "out of memory at this batch",
    "killed": "something ended the process from outside",
    "failed": "it did not run to its end",
    "out_of_time": "the time was up before its first session had ended",
}


def flag_notes(flags: Sequence[Sequence[Flag]], what: str) -> list[str]:
    """Return a sentence for each flag: in how many processes or pairs it was set, and its meaning.

    >>> flag_notes([("oom",), ()], "processes")
    ['oom, in 1 of 2 processes: out of memory at this batch.']
    """
    seen = dict.fromkeys(flag for own in flags for flag in own)
    return [
        f"{flag.replace('_', ' ')}, in {sum(flag in own for own in flags)} of {len(flags)} {what}: "
        f"{FLAGS[flag]}."
        for flag in seen
    ]


def machine_facts(env: Environment) -> list[tuple[str, str]]:
    """Return a machine and its fingerprint, as two lines below a report."""
    return [
        ("machine", f"{env.device_name}, {counted(env.threads, 'thread')}, torch {env.torch}"),
        ("fingerprint", f"{env.fingerprint}; `archbench doctor` shows what it is made of"),
    ]
