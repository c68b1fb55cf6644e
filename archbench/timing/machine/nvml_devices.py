"""NVIDIA's management library: whether it answers, and which of its devices is torch's.

Its Python module, pynvml of nvidia-ml-py, is handed in by tests and imported otherwise. Nothing
here makes a CUDA context, so that a process which only watches takes nothing of the device.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from archbench.timing.machine.system_files import first_line

DRIVER_FILE = Path("/sys/module/nvidia/version")


class NoNvml(Exception):
    """NVML does not answer; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Handles:
    """NVML's handles of one device."""

    device: Any  #: the whole card, which has clocks, temperature and power
    processes: Any  #: where processes are listed: the instance, if the card is cut into some


def start_nvml(module: Any = None) -> Any:
    """Return pynvml, initialised; nvmlShutdown() ends its use.

    Raises:
        NoNvml: it is not installed, or there is no driver.
    """
    if module is None:
        try:
            module = import_module("pynvml")
        except ImportError:
            raise NoNvml("nvidia-ml-py is not installed") from None
    try:
        module.nvmlInit()
    except module.NVMLError as error:
        raise NoNvml(f"NVML does not start: {error}") from None
    return module


def query(module: Any, name: str, *args: Any) -> Any:
    """Call a function of pynvml; None where module, driver or device does not know it."""
    function = getattr(module, name, None)
    try:
        answer = None if function is None else function(*args)
    except module.NVMLError:
        return None
    return answer.decode() if isinstance(answer, bytes) else answer


def visible_device(index: int, visible: str | None) -> int | str | None:
    """Return the number or the UUID, perhaps its beginning, of torch's device; None if hidden.

    CUDA reads CUDA_VISIBLE_DEVICES, here `visible`, up to the first entry that is neither: -1 hides
    all that follows.

    Source: CUDA C++ Programming Guide, "CUDA Environment Variables".

    >>> [visible_device(i, "3,GPU-8f,-1,0") for i in range(3)]
    [3, 'GPU-8f', None]
    """
    if visible is None:
        return index
    names: list[int | str] = []
    for entry in map(str.strip, visible.split(",")):
        if entry.isdigit():
            names.append(int(entry))
        elif entry.startswith(("GPU-", "MIG-")):
            names.append(entry)
        else:
            break
    return names[index] if index < len(names) else None


def find_device(module: Any, index: int, variables: Mapping[str, str]) -> Handles:
    """Return the handles of the device that torch calls cuda:index.

    Raises:
        NoNvml: the device is hidden or unknown, or its number is ambiguous.
    """
    visible = variables.get("CUDA_VISIBLE_DEVICES")
    wanted = visible_device(index, visible)
    if wanted is None:
        raise NoNvml(f"CUDA_VISIBLE_DEVICES='{visible}' hides cuda:{index}")
    if isinstance(wanted, str):
        return find_by_uuid(module, wanted)
    devices = _devices(module)
    if wanted >= len(devices):
        raise NoNvml(f"NVML has no device {wanted}: it sees {len(devices)}")
    names = {query(module, "nvmlDeviceGetName", device) for device in devices}
    if len(names) > 1 and variables.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        # CUDA puts the fastest first, NVML goes by the bus: equal cards have one order in both
        raise NoNvml("the devices differ in kind: set CUDA_DEVICE_ORDER=PCI_BUS_ID to number them")
    return Handles(devices[wanted], devices[wanted])


def find_by_uuid(module: Any, uuid: str) -> Handles:
    """Return the handles of the device, or of the instance, whose UUID begins so.

    A UUID is "GPU-...", "MIG-..." or, of drivers before 470, "MIG-GPU-.../3/0".

    Raises:
        NoNvml: there is none.
    """
    if uuid.startswith("MIG-") and not uuid.startswith("MIG-GPU-"):
        instance = query(module, "nvmlDeviceGetHandleByUUID", uuid)
        card = None
        if instance is not None:
            card = query(module, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", instance)
        if card is not None:
            return Handles(card, instance)
    beginning = uuid.removeprefix("MIG-").partition("/")[0]
    for device in _devices(module):
        if str(query(module, "nvmlDeviceGetUUID", device)).startswith(beginning):
            return Handles(device, device)
    raise NoNvml(f"NVML has no device '{uuid}'")


def driver_facts(uuid: str | None, module: Any = None) -> dict[str, Any]:
    """Return the facts of a device that only its driver knows, as fields of an Environment.

    Torch writes the UUID without "GPU-", or does not tell it: None.
    """
    facts: dict[str, Any] = {"driver": first_line(DRIVER_FILE)}  # needs no library
    try:
        module = start_nvml(module)
    except NoNvml:
        return facts
    try:
        facts["driver"] = query(module, "nvmlSystemGetDriverVersion") or facts["driver"]
        if uuid is not None:
            facts |= _device_facts(module, uuid)
    finally:
        query(module, "nvmlShutdown")
    return facts


def _device_facts(module: Any, uuid: str) -> dict[str, Any]:
    for prefix in ("GPU-", "MIG-"):
        try:
            card = find_by_uuid(module, prefix + uuid).device
        except NoNvml:
            continue
        limit_mw = query(module, "nvmlDeviceGetPowerManagementLimit", card)
        mig = query(module, "nvmlDeviceGetMigMode", card)  # (now, after the next reset)
        persistence = query(module, "nvmlDeviceGetPersistenceMode", card)
        return {
            "power_limit_w": None if limit_mw is None else limit_mw / 1000,
            "mig": None if mig is None else bool(mig[0]),
            "persistence": None if persistence is None else bool(persistence),
        }
    return {}


def _devices(module: Any) -> list[Any]:
    count = query(module, "nvmlDeviceGetCount") or 0
    return [query(module, "nvmlDeviceGetHandleByIndex", i) for i in range(count)]
