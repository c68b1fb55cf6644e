"""A session: what one fresh worker process measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from archbench.record import Record, Row
from archbench.timing.cells import Cell
from archbench.timing.machine.disturbances import CpuLoad, DeviceWatch
from archbench.timing.machine.records import Environment
from archbench.units import counted, duration

Flag = Literal[
    "cut_short",  # the time was up before the warm-up had ended
    "unsettled",  # the times still drifted when measuring ended
    "throttled",  # the device lowered its clock to protect itself
    "foreign_process",  # something else computed on the same cores or the same device
    "recompiled",  # torch.compile ran again while calls were timed
    "compilations_unknown",  # torch does not tell whether torch.compile ran again
    "not_finite",  # some activation is infinite or not a number
    "denormal",  # some activation is subnormal, which many processors compute slowly
    "zero_integers",  # an integer input is 0: no range of its values is known
    "no_grad",  # the network fails in inference mode, and was timed under no_grad()
    "grows",  # more tensors, or larger ones, were alive after the timed calls than before
    "unsynchronised",  # waiting for the device does not wait: its times cannot be trusted
    "launch_bound",  # the device waits for the host to launch its work
    "oom",  # out of memory
    "killed",  # something ended the process from outside
    "failed",  # the process ended with an error
    "out_of_time",  # the time was up before the first session of the cell had ended
]
FailureKind = Literal["oom", "killed", "failed", "out_of_time"]


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """Why a session has no times."""

    kind: FailureKind
    message: str
    hint: str = ""
    exit_code: int = 3

    @property
    def summary_line(self) -> str:
        """Kind and message."""
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True, slots=True)
class LiveTensors(Record):
    """The tensors of a process that are alive at one moment."""

    count: int = 0  #: how many there are
    bytes: int = 0  #: memory that they hold

    def exceeds(self, before: "LiveTensors") -> bool:
        """Tell whether there are more tensors than before, or more bytes of them."""
        return self.count > before.count or self.bytes > before.bytes


@dataclass(frozen=True, slots=True)
class DeviceTimes(Record):
    """Times that only an accelerator has, beside the latency that the host sees."""

    #: device time of each call, from event to event; for short calls the mean of several
    calls_ns: tuple[int, ...]
    enqueue_ns: tuple[int, ...]  #: host time to launch one call
    block_ns: tuple[int, ...]  #: device time of whole blocks of calls, back to back
    block_calls: int  #: number of calls in each block


@dataclass(frozen=True, slots=True)
class SingleCellMeasured(Record):
    """The measurements of a worker process beside the latency, if it ran a single cell."""

    device: DeviceTimes | None = None  #: of an accelerator
    #: own time of each module that was timed, by path, its children left out; the median of passes
    layers_ns: Mapping[str, int] = field(default_factory=dict, hash=False)
    peak_memory_bytes: int | None = None  #: None where it was not measured
    #: the part of it above what was allocated before the call
    activations_peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Measured(Record):
    """What a worker process measured."""

    #: for each cell, in the order of the job, one reading a round, as the host's clock gave it:
    #: `calls_per_reading` calls in a row, with the device idle before and done after. Empty after a
    #: failure.
    readings_ns: tuple[tuple[int, ...], ...] = ()
    calls_per_reading: int = 1  #: more than 1 for very short calls only
    warm_up_rounds: int = 0  #: rounds before those, thrown away
    settled: bool = False  #: whether the times had stopped drifting
    #: time of the first call of a compiled model, which compiles it; None where it is not compiled
    compile_s: float | None = None
    single_cell: SingleCellMeasured = SingleCellMeasured()
    flags: tuple[Flag, ...] = ()  #: what a reader should know
    environment: Environment | None = None  #: of the worker
    failure: Failure | None = None  #: why there are no times


@dataclass(frozen=True, slots=True)
class Watched:
    """What the process that started a worker saw meanwhile."""

    started_s: float  #: Unix time
    wall_s: float  #: from the start of the worker to its end
    load: CpuLoad | None = None  #: of the processor, by others
    #: state of the device, from NVML; None where NVML does not answer
    device: DeviceWatch | None = None


@dataclass(frozen=True, slots=True)
class Session(Record):
    """The times of one process, in which one cell ran, or several took turns call by call."""

    SCHEMA = "archbench.session/1"
    COLUMNS = ("number", "model", "batch_size", "round", "time_s")

    cells: tuple[Cell, ...]  #: what ran; in a comparison the first is the reference
    number: int  #: of this process among those of the same cells, from 0
    seed: int  #: of the inputs, the weights and the order of turns
    #: for each cell one time per round: the host's clock around one call, with the device idle
    #: before and done after. Empty after a failure.
    times_ns: tuple[tuple[int, ...], ...] = ()
    calls_per_time: int = 1  #: number of calls that each time is the mean of
    warm_up_rounds: int = 0  #: rounds before those, thrown away
    settled: bool = False  #: whether the times had stopped drifting
    device: DeviceTimes | None = None  #: of an accelerator, where one cell ran alone
    #: own time of each module that was timed, by path, its children left out; the median of passes
    layers_ns: Mapping[str, int] = field(default_factory=dict, hash=False)
    #: time of the first call of a compiled model, which compiles it; None where it is not compiled
    compile_s: float | None = None
    compiled_before: bool = False  #: whether torch.compile's cache had it from an earlier process
    #: the most that was allocated at once during one call, the model and its inputs included; None
    #: where it was not measured
    peak_memory_bytes: int | None = None
    #: the part of it above what was allocated before the call
    activations_peak_bytes: int | None = None
    flags: tuple[Flag, ...] = ()  #: what a reader should know
    load: CpuLoad | None = None  #: of the processor, by others
    #: state of the device, from NVML
    watch: Mapping[str, Any] | None = field(default=None, hash=False)
    started_s: float = 0.0  #: Unix time
    wall_s: float = 0.0  #: from the start of the process to its end
    #: of the worker; None where it died before it answered
    environment: Environment | None = None
    failure: Failure | None = None  #: why there are no times

    @property
    def summary_line(self) -> str:
        """The median time of each cell and the flags, or why there is no time."""
        if self.failure is not None:
            return f"{', '.join(cell.model for cell in self.cells)}: {self.failure.summary_line}"
        if not self.rounds:
            return f"{', '.join(cell.model for cell in self.cells)}: no times"
        times = [f"{cell.model} {duration(self.median_s(i))}" for i, cell in enumerate(self.cells)]
        flags = "".join(f", {flag.replace('_', ' ')}" for flag in self.flags)
        return f"{', '.join(times)} (median of {counted(self.rounds, 'round')}){flags}"

    def to_rows(self) -> list[Row]:
        """Return a row for each time: cell by cell, round by round."""
        return [
            {
                "number": self.number,
                "model": cell.model,
                "batch_size": cell.batch_size,
                "round": i,
                "time_s": time_ns / 1e9,
            }
            for cell, times in zip(self.cells, self.times_ns, strict=False)
            for i, time_ns in enumerate(times)
        ]

    @property
    def rounds(self) -> int:
        """Number of times of each cell."""
        return len(self.times_ns[0]) if self.times_ns else 0

    def median_s(self, cell: int = 0) -> float:
        """Return the median of a cell's times."""
        return median(self.times_ns[cell]) / 1e9
