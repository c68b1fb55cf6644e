"""The measured peak of memory: the bytes that torch's allocator hands out during a call."""

import gc
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from archbench.timing.cells import Cell
from archbench.timing.worker.clock import Call
from archbench.timing.worker.prepare import Prepared

CPU = 0  # c10::DeviceType::CPU


def shows_memory(cell: Cell, device: torch.device) -> bool:
    """Tell whether a call's allocations can be seen: not on every device, nor in a CUDA graph."""
    in_graph = cell.compiled in ("reduce-overhead", "max-autotune") and device.type == "cuda"
    return device.type in ("cpu", "cuda") and not in_graph


def peak_memory(prepared: Prepared, device: torch.device) -> tuple[int, int]:
    """Return the peak of all memory, and the peak above the bytes allocated before the call.

    The call itself is run, not the graph that it was captured in: replaying a graph allocates
    nothing, its memory was taken when it was captured.
    """
    with _silent_stderr():  # torch's profiler writes to it
        above = peak_allocation(prepared.call, device)
    if device.type == "cuda":  # with the memory of its libraries, rounded as the allocator rounds
        return torch.cuda.max_memory_allocated(device), above
    return above + prepared.alive_bytes(), above


def peak_allocation(call: Call, device: torch.device, cuda: Any = torch.cuda) -> int:
    """Run a call once; return the most bytes that were allocated above those before it.

    Neither device counts memory that does not come from torch's allocator, such as MKL's buffers.
    `cuda` is torch.cuda, or a test's substitute.
    """
    gc.collect()
    if device.type == "cuda":
        cuda.synchronize(device)
        before = cuda.memory_allocated(device)
        cuda.reset_peak_memory_stats(device)
        call()
        cuda.synchronize(device)
        return int(cuda.max_memory_allocated(device)) - int(before)
    return highest_total(_allocations(call))


def _allocations(call: Call) -> list[Mapping[str, Any]]:
    """Run a call under torch's profiler; return an event for each allocation and release.

    The trace that the profiler exports is the only public way to them: key_averages() and events()
    give sums for each operation, which show no peak. The trace includes the backward pass. It
    misses the release of memory that was allocated before the call: a call that frees such memory
    and takes as much again seems to take more than on CUDA.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return [event for event in events if event.get("name") == "[memory]"]


def highest_total(events: Sequence[Mapping[str, Any]]) -> int:
    """Return the highest running total of a trace's memory events, above where they begin."""
    totals = [(e["ts"], e["args"]) for e in events if e["args"]["Device Type"] == CPU]
    totals.sort(key=itemgetter(0))
    if not totals:
        return 0
    first = totals[0][1]
    start = int(first["Total Allocated"]) - int(first["Bytes"])
    return max(0, *(int(args["Total Allocated"]) - start for _, args in totals))


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send standard error to nowhere, C++ libraries' writes included."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
