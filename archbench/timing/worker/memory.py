"""The peak of memory, measured: what torch's allocator hands out above the start of a call."""

import gc
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

CPU = 0  # c10::DeviceType::CPU


def peak_above(call: Callable[[], object], device: torch.device, cuda: Any = torch.cuda) -> int:
    """Run a call once; return the most bytes that were allocated above those before it.

    On the CPU torch's profiler writes down every allocation and release of torch's allocator with
    the running total, those of the backward pass included; the trace that it exports is the only
    public way to them (key_averages() and events() give sums for each operation, which show no
    peak). It does not see the release of what was allocated before the call: a call that frees such
    memory and takes as much again seems to take more than on CUDA. Neither device counts what does
    not come from torch's allocator, such as MKL's own buffers.

    Args:
        call: what to run; warmed up, if a first call is not what is meant.
        device: where it runs.
        cuda: torch.cuda, or what stands in for it.
    """
    gc.collect()
    if device.type == "cuda":
        cuda.synchronize(device)
        before = cuda.memory_allocated(device)
        cuda.reset_peak_memory_stats(device)
        call()
        cuda.synchronize(device)
        return int(cuda.max_memory_allocated(device)) - int(before)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    return highest_total([event for event in events if event.get("name") == "[memory]"])


def highest_total(events: Sequence[Mapping[str, Any]]) -> int:
    """Return the highest running total of a trace's memory events, above where they begin."""
    totals = [(e["ts"], e["args"]) for e in events if e["args"]["Device Type"] == CPU]
    totals.sort(key=itemgetter(0))
    if not totals:
        return 0
    first = totals[0][1]
    start = int(first["Total Allocated"]) - int(first["Bytes"])
    return max(0, *(int(args["Total Allocated"]) - start for _, args in totals))
