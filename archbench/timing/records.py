"""What one fresh process measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from archbench.record import Record
from archbench.timing.cells import Cell
from archbench.timing.machine.disturbances import CpuLoad, DeviceWatch
from archbench.timing.machine.records import Environment

Flag = Literal[
    "cut_short",  # the time was up before it had warmed up
    "unsettled",  # the times still drifted when measuring ended
    "throttled",  # the device lowered its clock to protect itself
    "foreign_process",  # something else computed on the same cores or the same device
    "recompiled",  # torch.compile ran again while the clock was running
    "compilations_unknown",  # torch does not tell whether it did
    "not_finite",  # some activation is infinite or not a number
    "denormal",  # some activation is subnormal, which many processors compute slowly
    "unsynchronised",  # waiting for the device does not wait: its times cannot be trusted
    "launch_bound",  # the device waits for the host to launch its work
    "oom",  # out of memory
    "killed",  # something ended the process from outside
    "failed",  # it did not run to its end
    "out_of_time",  # no session of it had begun, or the first had not ended, when the time was up
]
FailureKind = Literal["oom", "killed", "failed", "out_of_time"]


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """Why a session has no times."""

    kind: FailureKind
    message: str
    hint: str = ""
    exit_code: int = 3


@dataclass(frozen=True, slots=True)
class DeviceTimes(Record):
    """What only an accelerator has, beside the latency that the host sees.

    Args:
        calls_ns: device time of one call each, from event to event; of several short calls their
            mean.
        enqueue_ns: until the host had launched one call.
        block_ns: device time of whole blocks of calls, back to back.
        block_calls: calls in each of those blocks.
    """

    calls_ns: tuple[int, ...]
    enqueue_ns: tuple[int, ...]
    block_ns: tuple[int, ...]
    block_calls: int


@dataclass(frozen=True, slots=True)
class Measured(Record):
    """What a worker saw in its own process.

    Args:
        readings_ns: for each cell, in the order of the job, one reading a round, as the host's
            clock gave it: `calls_per_reading` calls in a row, with the device idle before and done
            after. Empty after a failure.
        calls_per_reading: more than 1 for very short calls only.
        warm_up_rounds: rounds before those, thrown away.
        settled: whether the times had stopped drifting.
        device: of an accelerator, where one cell ran alone.
        layers_ns: of the modules that were watched, by path.
        compile_s: the first call of a compiled model, which compiles it; None where it is not.
        peak_memory_bytes: None where it was not measured.
        activations_peak_bytes: the part of it above what was allocated before the call.
        flags: what a reader should know.
        environment: of the worker.
        failure: why there are no times.
    """

    readings_ns: tuple[tuple[int, ...], ...] = ()
    calls_per_reading: int = 1
    warm_up_rounds: int = 0
    settled: bool = False
    device: DeviceTimes | None = None
    layers_ns: Mapping[str, int] = field(default_factory=dict, hash=False)
    compile_s: float | None = None
    peak_memory_bytes: int | None = None
    activations_peak_bytes: int | None = None
    flags: tuple[Flag, ...] = ()
    environment: Environment | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What the process that started a worker saw from outside.

    Args:
        started_s: Unix time.
        wall_s: from the start of the worker to its end.
        load: what others took of the processor meanwhile.
        device: what NVML showed of the device meanwhile; None where there is none.
    """

    started_s: float
    wall_s: float
    load: CpuLoad | None = None
    device: DeviceWatch | None = None


@dataclass(frozen=True, slots=True)
class Session(Record):
    """The times of one process, in which one cell ran, or several took turns call by call.

    Args:
        cells: what ran; in a comparison the first is the reference.
        number: of this process among those of the same cells, from 0.
        seed: of the inputs, the weights and the order of turns.
        times_ns: for each cell one time per round: the host's clock around one call, with the
            device idle before and done after. Empty after a failure.
        calls_per_time: calls in each of these times; each is their mean.
        warm_up_rounds: rounds before those, thrown away.
        settled: whether the times had stopped drifting.
        device: of an accelerator, where one cell ran alone.
        layers_ns: of the modules that were watched, by path: each one's own time in a pass, its
            children left out; the median over passes.
        compile_s: the first call of a compiled model, which compiles it; None where it is not.
        compiled_before: whether the compiler's cache held it from an earlier process.
        peak_memory_bytes: the most that was allocated at once during one call, the model and its
            inputs included; None where it was not measured.
        activations_peak_bytes: the part of it above what was allocated before the call.
        flags: what a reader should know.
        load: what others took of the processor meanwhile.
        watch: what NVML showed of the device meanwhile.
        started_s: Unix time.
        wall_s: from the start of the process to its end.
        environment: where; None where the process died before it could tell.
        failure: why there are no times.
    """

    SCHEMA = "archbench.session/1"

    cells: tuple[Cell, ...]
    number: int
    seed: int
    times_ns: tuple[tuple[int, ...], ...] = ()
    calls_per_time: int = 1
    warm_up_rounds: int = 0
    settled: bool = False
    device: DeviceTimes | None = None
    layers_ns: Mapping[str, int] = field(default_factory=dict, hash=False)
    compile_s: float | None = None
    compiled_before: bool = False
    peak_memory_bytes: int | None = None
    activations_peak_bytes: int | None = None
    flags: tuple[Flag, ...] = ()
    load: CpuLoad | None = None
    watch: Mapping[str, Any] | None = field(default=None, hash=False)
    started_s: float = 0.0
    wall_s: float = 0.0
    environment: Environment | None = None
    failure: Failure | None = None

    @property
    def rounds(self) -> int:
        """How often each cell was timed."""
        return len(self.times_ns[0]) if self.times_ns else 0

    def median_s(self, cell: int = 0) -> float:
        """Return the median of a cell's times."""
        return median(self.times_ns[cell]) / 1e9
