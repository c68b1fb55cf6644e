"""What ran beside a measurement, and what slowed the device down meanwhile."""

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
    """What others took of the processor between two moments.

    Steal counts no neighbours: a virtual machine's host may slow it down by tenths and show none.
    """

    others_cores: float | None  #: cores kept busy by processes of no concern to the measurement
    steal_cores: float | None  #: cores that the host of a virtual machine kept for itself

    @property
    def foreign(self) -> bool:
        """Whether others took so much that times beside it are not to be trusted."""
        return self.others_cores is not None and self.others_cores > FOREIGN_CORES


@dataclass(frozen=True, slots=True)
class BusyProcess(Record):
    """A process, and what it took of the processor over a moment."""

    pid: int
    name: str
    cores: float


@dataclass(frozen=True, slots=True)
class DeviceWatch(Record):
    """What NVML showed of one device while something was measured on it.

    None is what the device does not tell. Clock rates are those of the samples in which it was
    not idle, if there was one.
    """

    KEYS = (
        *("samples", "sm_clock_min_mhz", "sm_clock_median_mhz", "memory_clock_min_mhz"),
        *("memory_clock_median_mhz", "temperature_max_c", "power_max_w", "reasons", "throttled"),
        "foreign",
    )

    samples: int  #: how often it was looked at
    sm_clock_min_mhz: int | None
    sm_clock_median_mhz: float | None
    memory_clock_min_mhz: int | None
    memory_clock_median_mhz: float | None
    temperature_max_c: int | None
    power_max_w: float | None
    #: why the clock was held back in any sample, as NVML names it; "sw_power_cap" among them is
    #: ordinary for large matrix products
    reasons: tuple[str, ...] | None
    #: processes that computed on it when the watch began, before the workers
    pids_before: tuple[int, ...] | None
    #: processes that came later. A container sees other numbers than NVML, so that a worker is not
    #: known by its own.
    pids_since: tuple[int, ...] | None
    workers: int = 1  #: how many processes were to come

    @property
    def throttled(self) -> bool:
        """Whether heat or a power brake slowed the device down."""
        return self.reasons is not None and not THROTTLING.isdisjoint(self.reasons)

    @property
    def foreign(self) -> bool:
        """Whether others computed on the device, too."""
        return bool(self.pids_before) or len(self.pids_since or ()) > self.workers
