"""What to change on a machine before its times are believed, a sentence for each thing."""

from collections.abc import Iterator, Sequence

from archbench.timing.machine.disturbances import BusyProcess, CpuLoad, DeviceWatch
from archbench.timing.machine.records import Environment
from archbench.units import counted

STEAL_CORES = 0.02  # less is the grain of the counters over half a second
LOW_MEMORY_BYTES = 2**30  # the deepest networks of the shelf take about so much at batch 1
SLOW_BLAS = ("Eigen", "reference BLAS", None)


def advice(
    environment: Environment,
    load: CpuLoad | None = None,
    busiest: Sequence[BusyProcess] = (),
    available_bytes: int | None = None,
    watch: DeviceWatch | None = None,
    no_watch: str = "",
) -> tuple[str, ...]:
    """Say what was seen, with its value, and what to do; nothing where nothing is wrong.

    Args:
        environment: of the process that would measure.
        load: what others take of the processor now.
        busiest: the processes that take most, for their names.
        available_bytes: memory that is left.
        watch: of the CUDA device, while archbench did nothing on it.
        no_watch: why there is none, though there is a CUDA device.
    """
    return (
        *_threads(environment),
        *_clock(environment),
        *_others(load, busiest),
        *_memory(available_bytes),
        *_system(environment),
        *_torch(environment),
        *_device(environment, watch, no_watch),
    )


def _threads(env: Environment) -> Iterator[str]:
    threads = f"torch computes with {counted(env.threads, 'thread')}"
    quota = env.quota_cores
    if quota is not None and env.threads > max(1.0, quota):
        yield (
            f"{threads} and the container grants {quota:g} cores' worth of time: they are stopped "
            f"whenever it is spent. Use --threads {max(1, int(quota))}, or raise the limit."
        )
    elif quota is not None and env.cores is not None and quota < env.cores:
        yield (
            f"the container sees {counted(env.cores, 'core')} and grants {quota:g} cores' worth of "
            "time: more threads than that are stopped whenever it is spent. Bind it to cores "
            "instead (docker: --cpuset-cpus)."
        )
    if env.physical_cores is not None and env.threads > env.physical_cores:
        yield (
            f"{threads} on {counted(env.physical_cores, 'physical core')}, where they wait for "
            f"each other's units. Use --threads {env.physical_cores}."
        )


def _clock(env: Environment) -> Iterator[str]:
    if env.governor not in (None, "performance"):
        yield (
            f"the clock rate is governed by '{env.governor}', which follows the load late. "
            "Use `sudo cpupower frequency-set -g performance`."
        )
    if env.turbo:
        yield (
            "turbo is on: the clock rate falls as the processor warms. For steady times write 1 "
            "to /sys/devices/system/cpu/intel_pstate/no_turbo, or 0 to "
            "/sys/devices/system/cpu/cpufreq/boost."
        )


def _others(load: CpuLoad | None, busiest: Sequence[BusyProcess]) -> Iterator[str]:
    if load is None:
        return
    if load.others_cores is not None and load.foreign:
        names = ", ".join(f"{process.name} {process.cores:.2f}" for process in busiest)
        who = f" ({names})" if names else ", none of which is visible from here"
        yield (
            f"other processes keep {load.others_cores:.2f} cores busy{who}. "
            "End them, or measure later."
        )
    if load.steal_cores is not None and load.steal_cores > STEAL_CORES:
        yield (
            f"the host of this virtual machine takes {load.steal_cores:.2f} cores away. Trust "
            "ratios of networks that take turns (`archbench compare`), or use another machine."
        )


def _memory(available_bytes: int | None) -> Iterator[str]:
    if available_bytes is not None and available_bytes < LOW_MEMORY_BYTES:
        yield (
            f"{available_bytes / 2**20:,.0f} MiB of memory is left: large networks would be "
            "written to disk. End other programs."
        )


def _system(env: Environment) -> Iterator[str]:
    name = env.system.partition(" ")[0]
    if env.device == "cpu" and name in ("Darwin", "Windows"):
        yield (
            f"`archbench check --time` cannot make both sides as alike on {name} as on Linux, and "
            "leaves more small slowdowns inconclusive. Gate times on Linux where you can."
        )


def _torch(env: Environment) -> Iterator[str]:
    if env.torch_debug:
        yield f"torch {env.torch} is a debug build, several times slower. Install a release."
    if env.blas in SLOW_BLAS:
        seen = f"multiplies matrices by {env.blas}" if env.blas else "names no BLAS library"
        yield (
            f"torch {env.torch} {seen}, where releases use MKL, OpenBLAS or Accelerate. "
            "Install a release."
        )
    if env.flush_denormal:
        yield (
            "numbers below 1.2e-38 are taken as 0, which is not torch's default and hides what "
            "they cost. Leave torch.set_flush_denormal() alone."
        )


def _device(env: Environment, watch: DeviceWatch | None, no_watch: str) -> Iterator[str]:
    if not env.device.startswith("cuda"):
        return
    if watch is None and no_watch:
        yield (
            f"clock rate, heat and other processes of {env.device} are not watched: {no_watch}. "
            "`pip install 'archbench[gpu]'` brings what that needs beside the driver."
        )
    if env.persistence is False:
        yield (
            f"persistence mode of {env.device} is off: between processes its driver is unloaded "
            "and its clock falls. Use `sudo nvidia-smi -pm 1`."
        )
    if watch is not None and watch.throttled:
        yield (
            f"{env.device} is held back ({', '.join(watch.reasons or ())}) at "
            f"{watch.temperature_max_c} °C. Let it cool, or look after its fans and power."
        )
    if watch is not None and watch.foreign:
        pids = ", ".join(map(str, watch.pids_before or watch.pids_since or ()))
        yield f"other processes compute on {env.device} (pid {pids}). End them, or measure later."
