"""What can disturb a measurement: other processes, and a device that slows itself down."""

from dataclasses import dataclass

from archbench.record import Record

# The daemons of a quiet system take a few hundredths of a core. Threads that wait for each other
# may lose all that others take of one core: a tenth would be twice the 5 % that must not be missed.
FOREIGN_CORES = 0.1

# A power cap is not among them: large matrix products run at it all the time.
THROTTLING = frozenset(
    {"hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown"}
)


@dataclass(frozen=True, slots=True)
class CpuLoad(Record):
    """Load of the processor by others, between two moments.

    Steal does not show every neighbour: the host of a virtual machine may slow it down by tenths
    and report no steal.
    """

    others_cores: float | None  #: cores that foreign processes kept busy
    steal_cores: float | None  #: cores that the host of a virtual machine kept for itself

    @property
    def foreign(self) -> bool:
        """Whether the load is so high that the times cannot be trusted."""
        return self.others_cores is not None and self.others_cores > FOREIGN_CORES


@dataclass(frozen=True, slots=True)
class BusyProcess(Record):
    """A process and its load of the processor."""

    pid: int
    name: str
    cores: float


@dataclass(frozen=True, slots=True)
class DeviceWatch(Record):
    """State of a device during a measurement, from samples of NVML.

    None is what the device does not tell. Clock rates are of the samples in which the device was
    not idle, if there was one.
    """

    KEYS = (
        *("samples", "sm_clock_min_mhz", "sm_clock_median_mhz", "memory_clock_min_mhz"),
        *("memory_clock_median_mhz", "temperature_max_c", "power_max_w", "reasons", "throttled"),
        "foreign",
    )

    samples: int  #: number of samples
    sm_clock_min_mhz: int | None
    sm_clock_median_mhz: float | None
    memory_clock_min_mhz: int | None
    memory_clock_median_mhz: float | None
    temperature_max_c: int | None
    power_max_w: float | None
    #: why the clock was held back in any sample, as NVML names it; "sw_power_cap" is ordinary for
    #: large matrix products
    reasons: tuple[str, ...] | None
    #: processes that computed on it before the workers started
    pids_before: tuple[int, ...] | None
    #: processes that came later, workers included: a container numbers them otherwise than NVML
    pids_since: tuple[int, ...] | None
    workers: int = 1  #: number of workers that were to compute on it

    @property
    def throttled(self) -> bool:
        """Whether heat or a power brake slowed the device down."""
        return self.reasons is not None and not THROTTLING.isdisjoint(self.reasons)

    @property
    def foreign(self) -> bool:
        """Whether foreign processes computed on the device, too."""
        return bool(self.pids_before) or len(self.pids_since or ()) > self.workers
