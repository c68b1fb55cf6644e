"""The machine's ceilings: a large matrix product, copies, and the smallest operation."""

import torch

from archbench.networks.precision import HALF
from archbench.timing.ceilings import Ceilings
from archbench.timing.machine.environment import environment
from archbench.timing.worker.clock import Call, Clock, time_of

PRODUCTS = {"cpu": (1024, 2048), "other": (4096, 8192)}  # rows and columns; the faster counts
COPIES = {  # bytes that are read, from sizes that a cache holds to one that none does
    "cpu": (2**17, 2**19, 2**21, 2**23, 2**25, 2**28),
    "other": (2**22, 2**24, 2**26, 2**30),
}
TRY_S = 0.15  # for each of them; the best time counts: the others were disturbed
LAUNCHES = 1000

DTYPES = {**HALF, "amp": torch.bfloat16}


def ceilings(device: torch.device, precision: str, clock: Clock) -> Ceilings:
    """Measure the ceilings of a device in one precision; `configure_process` has set it."""
    kind = "cpu" if device.type == "cpu" else "other"
    dtype = DTYPES.get(precision, torch.float32)
    here = environment(device)
    with torch.inference_mode():
        flops_per_s = max(_flops_per_s(n, dtype, device, clock) for n in PRODUCTS[kind])
        copies = tuple((2 * size, _bytes_per_s(size, device, clock)) for size in COPIES[kind])
        launch_s = _launch_s(device, clock)
    return Ceilings(
        here.fingerprint, device.type, here.device_name, precision, flops_per_s, copies, launch_s
    )


def _flops_per_s(n: int, dtype: torch.dtype, device: torch.device, clock: Clock) -> float:
    """Return the floating-point operations per second of an n × n product."""
    a = torch.randn(n, n, device=device).to(dtype)
    b = torch.randn(n, n, device=device).to(dtype)
    out = torch.empty_like(a)
    return 2 * n**3 / _best_s(lambda: torch.mm(a, b, out=out), clock)


def _bytes_per_s(size: int, device: torch.device, clock: Clock) -> float:
    """Return the bytes per second of a copy, read and written."""
    source = torch.randn(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / _best_s(lambda: target.copy_(source), clock)


def _launch_s(device: torch.device, clock: Clock) -> float:
    """Return the seconds of one operation on one number, among many back to back."""
    one = torch.ones(1, device=device)

    def operations() -> None:
        for _ in range(LAUNCHES):
            one.add_(0.0)

    return _best_s(operations, clock) / LAUNCHES


def _best_s(call: Call, clock: Clock) -> float:
    """Return the shortest time of a call, after an untimed one."""
    call()
    clock.wait()
    times_ns = []
    end = clock.now_ns() + TRY_S * 1e9
    while clock.now_ns() < end:
        times_ns.append(time_of(call, clock))
    return min(times_ns) / 1e9
