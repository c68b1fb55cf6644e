"""What is measured beside the latency, where a single cell has the process to itself."""

from archbench.timing.jobs import Job
from archbench.timing.records import SingleCellMeasured
from archbench.timing.worker.accelerator import device_times
from archbench.timing.worker.layers import HostMarker, LayerTimer, layer_times
from archbench.timing.worker.loading import ReadyCell
from archbench.timing.worker.peak_memory import peak_memory, shows_memory
from archbench.timing.worker.process_setup import Place
from archbench.timing.worker.time_budget import Effort

LAYERS_S, MOST_PASSES = 1.0, 200  # of the passes in which layers are timed


def measure_single_cell(
    ready: ReadyCell, job: Job, place: Place, effort: Effort, latency_s: float
) -> SingleCellMeasured:
    """Measure the device's own times, then the layers and the memory that the job asks for."""
    device, layers_ns = None, {}
    prepared, clock = ready.prepared, place.clock
    if place.stream is not None:
        seconds = effort.measure_s / 2
        device = device_times(ready.call, place.stream, clock, latency_s, seconds)
    if job.layers:
        passes = min(MOST_PASSES, int(min(LAYERS_S, effort.measure_s) / latency_s))
        marker = place.stream or HostMarker(clock.now_ns)
        timer = LayerTimer(prepared.module, job.layers, marker)
        layers_ns = layer_times(timer, prepared.call, clock.wait, passes)
    if not job.memory or not shows_memory(job.cells[0], place.device):
        return SingleCellMeasured(device, layers_ns)
    return SingleCellMeasured(device, layers_ns, *peak_memory(prepared, place.device))
