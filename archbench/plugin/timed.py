"""Time one cell in the process that asks, under pytest-benchmark's timer.

`archbench bench` starts processes of its own, which is better: here a file of results is one
process's, and `archbench check --pytest-benchmark` takes it for that.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from copy import deepcopy
from dataclasses import replace
from math import ceil
from statistics import median
from typing import Any

import torch
from torch import nn

from archbench.analysis.profile import profile_loaded
from archbench.errors import ArchbenchError
from archbench.garbage_collector import collection_paused, survivors_frozen
from archbench.gates.structure.records import GateCell
from archbench.networks.device import check_device
from archbench.networks.inputs import InputPlan
from archbench.networks.model_settings import settings_of
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.statistics.steadiness import is_steady
from archbench.timing.cells import Cell
from archbench.timing.machine.environment import environment
from archbench.timing.records import Flag
from archbench.timing.sessions.model_cells import Ways, check_device_kind, check_ways
from archbench.timing.worker.clock import Call, Clock, DeviceClock
from archbench.timing.worker.live_tensors import live_tensors
from archbench.timing.worker.loading import prepare_cell
from archbench.timing.worker.process_setup import Place, gradient_mode
from archbench.timing.worker.runner import take_turns
from archbench.timing.worker.short_calls import SHORT_CALL_NS
from archbench.timing.worker.time_budget import Effort, warm_up_s

MEASURE_NS = 1e9  # of all rounds together
LEAST_ROUNDS, MOST_ROUNDS = 10, 10_000
COUNTED = ("params", "macs", "flops", "activations", "depth", "complete")


def time_under(
    benchmark: Any,
    model: GateCell | str | nn.Module,
    input_size: str | Sequence[str] | Sequence[int] | None = None,
    batch_size: int = 1,
    model_kwargs: Mapping[str, Any] | None = None,
    device: str = "cpu",
    precision: str = "fp32",
    mode: str = "infer",
    threads: int | None = None,
) -> None:
    """Warm a network up and let pytest-benchmark time its passes, as the fixture describes.

    Raises:
        ArchbenchError: it cannot be loaded, run or counted, or does not fit.
    """
    ways = Ways((batch_size,), device, (precision,), (mode,), threads=threads)
    named = model.model if isinstance(model, GateCell) else model
    if isinstance(named, str):
        ways = ways.of_model(settings_of(named).ways)
    check_ways(ways)
    where = check_device(device)
    check_device_kind(ways, where.type)
    clock = DeviceClock(where)
    with _torch_settings(where):
        loaded, cell, plan = _load_cell(model, input_size, model_kwargs or {}, ways)
        cell = replace(cell, device=str(where))
        profile = profile_loaded(loaded, plan)
        ready = prepare_cell(loaded, plan, cell, Place(where, clock))
        with gradient_mode(cell, ready.inference):

            def call() -> None:
                ready.call()
                clock.wait()

            if not benchmark.enabled:  # pytest-xdist and --benchmark-disable run it once
                benchmark(call)
                return
            warm_up_rounds, flags = _time_rounds(benchmark, call, clock, where.type)
        found = environment(where)
    name = model.name if isinstance(model, GateCell) else loaded.name
    benchmark.extra_info["archbench"] = {
        **{key: getattr(profile.totals, key) for key in COUNTED},
        "cell": {**cell.to_dict(), "model": name},
        "fingerprint": found.fingerprint,
        "environment": found.to_dict(),
        "warm_up_rounds": warm_up_rounds,
        "flags": [*ready.flags, *flags],
    }


def _load_cell(
    model: GateCell | str | nn.Module, input_size: Any, arguments: Mapping[str, Any], ways: Ways
) -> tuple[Loaded, Cell, InputPlan]:
    """Load the model; return the loaded model, its cell, and its inputs."""
    batch_size = ways.batch_sizes[0]
    if isinstance(model, GateCell):
        own = settings_of(model.model).ways.batch_size
        if input_size is not None or batch_size != (own or 1) or arguments:
            raise ArchbenchError(
                f"'{model.name}' is declared with its input size, batch and arguments",
                "leave them out, or name its MODEL",
            )
        input_size, batch_size = list(model.input_size) or None, model.batch_size
        arguments, model = model.model_kwargs, model.model
    elif arguments and not isinstance(model, str):
        raise ArchbenchError("a module is built, and takes no arguments", "leave them out")
    # a module is the test's own, and stays as it is
    loaded = load(model if isinstance(model, str) else deepcopy(model), arguments)
    plan = plan_for(loaded, input_size, batch_size)
    cell = Cell(
        loaded.name,
        dict(loaded.arguments),
        plan.network_texts(),
        batch_size=plan.batch_size,
        channels_last=ways.channels_last,
        compiled=ways.compiled,
        precision=ways.precisions[0],  # type: ignore[arg-type]  # checked above
        mode=ways.modes[0],  # type: ignore[arg-type]  # likewise
        threads=ways.threads,
    )
    return loaded, cell, plan


def _time_rounds(benchmark: Any, call: Call, clock: Clock, kind: str) -> tuple[int, list[Flag]]:
    """Warm up, then time; return the rounds of the warm-up, and the flags of the times."""
    least, most = warm_up_s(kind)
    effort = Effort(least, most, 0.0, least_rounds=2)  # which are too few to be called steady
    warm = take_turns([call], clock, effort, seed=0)
    pass_ns = max(1, median(time for (time,) in warm.kept))
    together = ceil(SHORT_CALL_NS / pass_ns)
    rounds = min(MOST_ROUNDS, max(LEAST_ROUNDS, ceil(MEASURE_NS / (pass_ns * together))))
    with survivors_frozen():
        before = live_tensors()
        benchmark.pedantic(call, rounds=rounds, iterations=together)
        flags: list[Flag] = ["grows"] if live_tensors().exceeds(before) else []
    if not (warm.settled or is_steady([(time,) for time in benchmark.stats.stats.data])):
        flags.append("unsettled")
    return warm.warm_up, flags


@contextmanager
def _torch_settings(device: torch.device) -> Iterator[None]:
    """Leave torch's settings as they were, for other tests; every run draws the same weights."""
    threads = torch.get_num_threads()
    kept: list[tuple[Any, bool]] = []
    places: tuple[Any, ...] = torch.backends.cuda.matmul, torch.backends.cudnn
    for place in places:
        with suppress(RuntimeError):  # where the tests use torch's newer name for it
            kept.append((place, place.allow_tf32))
    current = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    try:
        with current, torch.random.fork_rng(), collection_paused():
            torch.manual_seed(0)
            yield
    finally:
        torch.set_num_threads(threads)
        for place, allowed in kept:
            place.allow_tf32 = allowed
