"""Watch a CUDA device from outside while something is measured on it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from threading import Event, Thread
from typing import Any, TypeVar

from archbench.timing.machine.disturbances import DeviceWatch
from archbench.timing.machine.nvml_devices import Handles, NoNvml, find_device, query, start_nvml

T = TypeVar("T")

PERIOD_S = 0.05  # between samples; clocks settle within tenths of a second
IDLE = 1  # the bit of an idle device, whose clocks mean nothing
SM_CLOCK, MEMORY_CLOCK, GPU_SENSOR = 1, 2, 0  # NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU
REASONS = {  # source: nvml.h, nvmlClocksEventReason...
    1: "gpu_idle",
    2: "applications_clocks_setting",
    4: "sw_power_cap",
    8: "hw_slowdown",
    16: "sync_boost",
    32: "sw_thermal_slowdown",
    64: "hw_thermal_slowdown",
    128: "hw_power_brake_slowdown",
    256: "display_clock_setting",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """State of a device at one moment; None for a value that the device does not report."""

    sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    temperature_c: int | None
    power_w: float | None  #: an average of one second on Ampere (but GA100) and newer
    reasons: int | None  #: the bits of REASONS
    pids: tuple[int, ...] | None


class NvmlWatch:
    """Samples a device in a thread, from entering to leaving; `result` sums the samples up.

    It belongs in the process that waits for the workers, and is entered before they start: a
    process that computes on the device at that moment counts as foreign.

    Args:
        index: torch's number of the device: 1 for cuda:1.
        workers: number of processes that will compute on the device.
        module: pynvml; it is imported by default.
        variables: of the environment that the workers see.
        wait: sleeps the seconds it is given and tells whether the watch is over.
    """

    def __init__(
        self,
        index: int = 0,
        workers: int = 1,
        module: Any = None,
        variables: Mapping[str, str] = os.environ,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self.reason = ""  # why there is no result
        self._index, self._workers, self._variables = index, workers, variables
        self._module = module
        self._over = Event()
        self._wait = wait or self._over.wait
        self._thread: Thread | None = None
        self._before: tuple[int, ...] | None = None
        self._samples: list[Sample] = []

    def __enter__(self) -> "NvmlWatch":
        try:
            self._module = start_nvml(self._module)
        except NoNvml as error:
            self.reason = str(error)
            return self
        try:
            handles = find_device(self._module, self._index, self._variables)
        except NoNvml as error:
            self.reason = str(error)
            query(self._module, "nvmlShutdown")
            return self
        self._before = pids(self._module, handles)
        self._thread = Thread(target=self._watch, args=(handles,), name="nvml", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            query(self._module, "nvmlShutdown")

    @property
    def result(self) -> DeviceWatch | None:
        """All samples, summed up; None where NVML does not answer, and `reason` says why."""
        return summary(self._samples, self._before, self._workers) if self._samples else None

    def _watch(self, handles: Handles) -> None:
        while True:
            self._samples.append(sample(self._module, handles))
            if self._wait(PERIOD_S):
                return


def sample(module: Any, handles: Handles) -> Sample:
    """Return the state of a device now."""
    power_mw = query(module, "nvmlDeviceGetPowerUsage", handles.device)
    reasons = query(module, "nvmlDeviceGetCurrentClocksEventReasons", handles.device)
    if reasons is None:  # the name of drivers before 535
        reasons = query(module, "nvmlDeviceGetCurrentClocksThrottleReasons", handles.device)
    return Sample(
        sm_clock_mhz=query(module, "nvmlDeviceGetClockInfo", handles.device, SM_CLOCK),
        memory_clock_mhz=query(module, "nvmlDeviceGetClockInfo", handles.device, MEMORY_CLOCK),
        temperature_c=query(module, "nvmlDeviceGetTemperature", handles.device, GPU_SENSOR),
        power_w=None if power_mw is None else power_mw / 1000,
        reasons=reasons,
        pids=pids(module, handles),
    )


def pids(module: Any, handles: Handles) -> tuple[int, ...] | None:
    """Return the ids of the processes that compute on a device, as the host numbers them."""
    found = query(module, "nvmlDeviceGetComputeRunningProcesses", handles.processes)
    return None if found is None else tuple(sorted(process.pid for process in found))


def summary(samples: Sequence[Sample], before: tuple[int, ...] | None, workers: int) -> DeviceWatch:
    """Sum up one or more samples; `before` are the processes from before the workers started."""
    busy = [s for s in samples if s.reasons is None or not s.reasons & IDLE] or samples
    sm_clocks = _known(s.sm_clock_mhz for s in busy)
    memory_clocks = _known(s.memory_clock_mhz for s in busy)
    bits = _known(s.reasons for s in samples)
    lists = _known(s.pids for s in samples)
    since = {pid for pids in lists for pid in pids} - set(before or ())
    return DeviceWatch(
        samples=len(samples),
        sm_clock_min_mhz=min(sm_clocks, default=None),
        sm_clock_median_mhz=float(median(sm_clocks)) if sm_clocks else None,
        memory_clock_min_mhz=min(memory_clocks, default=None),
        memory_clock_median_mhz=float(median(memory_clocks)) if memory_clocks else None,
        temperature_max_c=max(_known(s.temperature_c for s in samples), default=None),
        power_max_w=max(_known(s.power_w for s in samples), default=None),
        reasons=reason_names(bits) if bits else None,
        pids_before=before,
        pids_since=tuple(sorted(since)) if lists else None,
        workers=workers,
    )


def reason_names(bits: Iterable[int]) -> tuple[str, ...]:
    """Name every bit that any of the numbers has; a bit without a name by its value.

    >>> reason_names([0, 4, 4 | 32, 1024])
    ('sw_power_cap', 'sw_thermal_slowdown', 'bit_1024')
    """
    union = 0
    for number in bits:
        union |= number
    present = [1 << i for i in range(union.bit_length()) if union >> i & 1]
    return tuple(REASONS.get(bit, f"bit_{bit}") for bit in present)


def _known(values: Iterable[T | None]) -> list[T]:
    return [value for value in values if value is not None]
