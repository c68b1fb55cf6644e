"""Measurements beside the latency, where one cell has the process to itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from archbench.timing.jobs import Job
from archbench.timing.records import DeviceTimes
from archbench.timing.worker.accelerator import device_times
from archbench.timing.worker.layers import HostMarker, LayerTimer, layer_times
from archbench.timing.worker.loading import ReadyCell
from archbench.timing.worker.peak_memory import peak_memory, shows_memory
from archbench.timing.worker.prepare import Prepared
from archbench.timing.worker.process_setup import Place
from archbench.timing.worker.time_budget import Effort

LAYERS_S, MOST_PASSES = 1.0, 200  # of the passes in which layers are timed


@dataclass(frozen=True, slots=True)
class Details:
    """Device times, layer times and memory of one cell; None or empty where not measured."""

    device: DeviceTimes | None = None
    layers_ns: Mapping[str, int] = field(default_factory=dict)  #: by the module's path
    peak_memory_bytes: int | None = None  #: the model and its inputs included
    activations_peak_bytes: int | None = None  #: above what was allocated before the call


def details_of(
    ready: ReadyCell, job: Job, place: Place, effort: Effort, latency_s: float
) -> Details:
    """Measure the device's own times, then the layers and the memory that the job asks for."""
    device, layers_ns = None, {}
    if place.stream is not None:
        seconds = effort.measure_s / 2
        device = device_times(ready.call, place.stream, place.clock, latency_s, seconds)
    if job.layers:
        passes = min(MOST_PASSES, int(min(LAYERS_S, effort.measure_s) / latency_s))
        layers_ns = _layer_times(ready.prepared, job, place, passes)
    if not job.memory or not shows_memory(job.cells[0], place.device):
        return Details(device, layers_ns)
    return Details(device, layers_ns, *peak_memory(ready.prepared, place.device))


def _layer_times(prepared: Prepared, job: Job, place: Place, passes: int) -> dict[str, int]:
    marker = place.stream or HostMarker(place.clock.now_ns)
    timer = LayerTimer(prepared.module, job.layers, marker)
    return layer_times(timer, prepared.call, place.clock.wait, passes)
