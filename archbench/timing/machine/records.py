"""The environment of a measurement: all that decides how fast a network runs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from archbench.record import Record
from archbench.units import counted

FINGERPRINT_DIGITS = 12  # 48 bits: two of 10,000 machines share one with a chance of 2e-7

# Fields that must agree between two times before they are compared. Left out are values that jitter
# (clock rates, governor, free memory), names of the machine, and the code that was measured.
COMPARED = (
    "system",
    "processor",
    "vector_instructions",
    "cores",
    "physical_cores",
    "quota_cores",
    "threads",
    "python",
    "torch",
    "torch_build",
    "torch_git",
    "torch_debug",
    "parallel",
    "cpu_capability",
    "blas",
    "onednn",
    "float32_matmul_precision",
    "tf32_matmul",
    "tf32_cudnn",
    "cudnn_benchmark",
    "deterministic",
    "flush_denormal",
    "variables",
    "device",
    "device_name",
    "device_memory_bytes",
    "power_limit_w",
    "driver",
    "cuda",
    "cudnn",
    "mig",
)
SHOWN_ELSEWHERE = {  # variables that set a field above, or choose among equal devices
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
}


@dataclass(frozen=True, slots=True)
class Environment(Record):
    """The machine and the software of a measurement; None for a fact that the machine hides."""

    DERIVED = ("fingerprint",)

    python: str  #: its whole version
    torch: str  #: its whole version: "2.13.0+cpu"
    system: str  #: operating system and instruction set: "Linux x86_64"
    processor: str  #: the model's name
    cores: int | None  #: logical ones that this process may run on
    threads: int  #: torch computes with, inside one operation
    device: str  #: as torch writes it: "cpu", "cuda:0"
    device_name: str  #: of the processor, where that is the device

    physical_cores: int | None = None  #: that this process may run on
    quota_cores: float | None = None  #: processor time a cgroup grants; None: without a limit
    vector_instructions: tuple[str, ...] | None = None  #: what matrix kernels are chosen by, sorted
    cpu_capability: str | None = None  #: what torch's own kernels use: "AVX2", "AVX512"
    memory_bytes: int | None = None  #: of the machine, or what a cgroup grants of it
    interop_threads: int | None = None  #: torch runs independent operations on
    governor: str | None = None  #: of the clock rate; several are joined by "/"
    turbo: bool | None = None  #: whether the clock may rise above its nominal rate

    torch_build: str | None = None  #: "cpu", "CUDA 12.8", "ROCm 6.3"
    torch_git: str | None = None  #: the first digits of the commit it was built from
    torch_debug: bool | None = None  #: whether it was built to be debugged
    parallel: str | None = None  #: what its threads are: "OpenMP"
    blas: str | None = None  #: library of matrix products; version where torch tells: "MKL 2024.2"
    onednn: str | None = None  #: version of the library of convolutions

    float32_matmul_precision: str | None = None  #: "highest", "high" or "medium"
    tf32_matmul: bool | None = None  #: CUDA only, as the next two
    tf32_cudnn: bool | None = None
    cudnn_benchmark: bool | None = None  #: whether convolutions are chosen by trying
    deterministic: bool | None = None  #: whether only deterministic kernels are allowed
    flush_denormal: bool | None = None  #: whether numbers below 1.2e-38 are taken as 0
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)  #: that change speed

    device_memory_bytes: int | None = None  #: of an accelerator, as the next ones
    driver: str | None = None
    cuda: str | None = None  #: the version that torch was built with
    cudnn: str | None = None
    compute_capability: str | None = None  #: "9.0"
    power_limit_w: float | None = None  #: as set, in watts
    mig: bool | None = None  #: whether the device is cut into instances
    persistence: bool | None = None  #: whether the driver stays loaded between processes

    archbench: str | None = None  #: version
    commit: str | None = None  #: of the repository that the current folder is in
    dirty: bool | None = None  #: whether files that it tracks were changed since

    @property
    def summary_line(self) -> str:
        """Fingerprint, device, threads, torch and system."""
        threads = counted(self.threads, "thread")
        return (
            f"{self.fingerprint}: {self.device_name} ({self.device}), {threads}, "
            f"torch {self.torch}, Python {self.python}, {self.system}"
        )

    @property
    def fingerprint(self) -> str:
        """The same 12 hexadecimal digits wherever two times may be compared.

        They are the first of a SHA-256 over the fields of COMPARED; of Python's version only the
        minor counts, and of the device not which one of several it is.
        """
        text = json.dumps(self.compared(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_DIGITS]

    def differences(self, other: "Environment") -> list[tuple[str, Any, Any]]:
        """List the fields that keep two times from being compared: (field, mine, theirs)."""
        mine, theirs = self.compared(), other.compared()
        return [(key, mine[key], theirs[key]) for key in mine if mine[key] != theirs[key]]

    def compared(self) -> dict[str, Any]:
        """Return the fields of COMPARED, in the form in which they are compared."""
        values = {name: getattr(self, name) for name in COMPARED}
        values["python"] = ".".join(self.python.split(".")[:2])
        values["device"] = self.device.partition(":")[0]
        values["variables"] = {k: v for k, v in self.variables.items() if k not in SHOWN_ELSEWHERE}
        return values
