"""Watching a CUDA device, by a driver that the test plays."""

import sys
from types import SimpleNamespace

import pytest

from archbench.timing.machine.disturbances import DeviceWatch
from archbench.timing.machine.nvml import NvmlWatch, Sample, summary
from archbench.timing.machine.nvml_devices import (
    Handles,
    NoNvml,
    driver_facts,
    find_by_uuid,
    find_device,
    visible_device,
)


class FakeNvml:
    """Module pynvml of two equal cards, "a" and "b"; "b" is cut into instances.

    What is not in `answers` is not supported; a list is answered item by item, the last for good.
    """

    class NVMLError(Exception):
        """As pynvml calls what any of its functions raises."""

    def __init__(self, **answers) -> None:
        self.names = {"a": b"H100", "b": "H100"}  # older versions answer in bytes
        self.uuids = {"a": b"GPU-8f3e-1", "b": "GPU-11aa-2"}
        self.answers = {
            "nvmlDeviceGetClockInfo": lambda _, kind: {1: 1980, 2: 2619}[kind],
            "nvmlDeviceGetTemperature": lambda *_: 41,
            "nvmlDeviceGetPowerUsage": lambda _: 350_500,
            "nvmlDeviceGetCurrentClocksEventReasons": lambda _: 0,
            "nvmlDeviceGetComputeRunningProcesses": lambda _: [],
            "nvmlSystemGetDriverVersion": lambda: "570.124",
            "nvmlDeviceGetPowerManagementLimit": lambda _: 700_000,
            "nvmlDeviceGetMigMode": lambda card: [int(card == "b"), 0],
            "nvmlDeviceGetPersistenceMode": lambda _: 1,
            **answers,
        }
        self.running = 0
        self.asked = []

    def __getattr__(self, name):
        if not name.startswith("nvml"):
            raise AttributeError(name)

        def answer(*args):
            self.asked.append((name, *args))
            if name not in self.answers:
                raise self.NVMLError(f"{name}: not supported")
            found = self.answers[name]
            if isinstance(found, list):
                return found.pop(0) if len(found) > 1 else found[0]
            return found(*args)

        return answer

    def nvmlInit(self) -> None:
        self.running += 1

    def nvmlShutdown(self) -> None:
        self.running -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(self.uuids)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return list(self.uuids)[index]

    def nvmlDeviceGetName(self, card: str):
        return self.names[card]

    def nvmlDeviceGetUUID(self, card: str):
        return self.uuids[card]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid == "MIG-77":
            return "instance of b"
        raise self.NVMLError("not found")

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, instance: str) -> str:
        return instance.removeprefix("instance of ")


class NoDriver(FakeNvml):
    def nvmlInit(self) -> None:
        raise self.NVMLError("Driver Not Loaded")


def processes(*pids: int) -> list[SimpleNamespace]:
    return [SimpleNamespace(pid=pid) for pid in pids]


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, [0, 1, 2]),
        ("", [None, None, None]),
        ("-1", [None, None, None]),
        ("2", [2, None, None]),
        ("3, 0,1", [3, 0, 1]),
        ("1,-1,0", [1, None, None]),
        ("GPU-8f3e,1", ["GPU-8f3e", 1, None]),
        ("MIG-77", ["MIG-77", None, None]),
        ("MIG-GPU-11aa-2/3/0", ["MIG-GPU-11aa-2/3/0", None, None]),
        ("NoDevFiles", [None, None, None]),
    ],
    ids=str,
)
def test_which_device_a_number_of_torch_means(visible, names) -> None:
    """By number, UUID or instance; the list ends at what makes no sense."""
    assert [visible_device(index, visible) for index in range(3)] == names


@pytest.mark.parametrize(
    ("index", "visible", "handles"),
    [
        (1, None, Handles("b", "b")),
        (0, "1,0", Handles("b", "b")),
        (0, "GPU-11", Handles("b", "b")),
        (1, "1,GPU-8f3e-1", Handles("a", "a")),
        (0, "MIG-77", Handles("b", "instance of b")),
        (0, "MIG-GPU-11aa-2/3/0", Handles("b", "b")),
    ],
    ids=str,
)
def test_the_handles_of_a_device(index, visible, handles) -> None:
    """Of an instance the card has the clocks, and the instance the processes."""
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert find_device(FakeNvml(), index, variables) == handles


@pytest.mark.parametrize(
    ("index", "visible", "why"),
    [
        (2, None, "no device 2: it sees 2"),
        (0, "", "CUDA_VISIBLE_DEVICES='' hides cuda:0"),
        (1, "0", "CUDA_VISIBLE_DEVICES='0' hides cuda:1"),
        (0, "GPU-99", "no device 'GPU-99'"),
        (0, "MIG-99", "no device 'MIG-99'"),
    ],
    ids=str,
)
def test_a_device_that_is_not_there_says_why(index, visible, why) -> None:
    """With the value that was wrong."""
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    with pytest.raises(NoNvml) as caught:
        find_device(FakeNvml(), index, variables)
    assert why in str(caught.value)


def test_unequal_cards_have_no_number_until_cuda_goes_by_the_bus() -> None:
    """By default CUDA puts the fastest first, and NVML does not."""
    module = FakeNvml()
    module.names["b"] = "T4"
    with pytest.raises(NoNvml, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        find_device(module, 1, {})
    assert find_device(module, 1, {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}).device == "b"
    assert find_by_uuid(module, "GPU-11aa-2").device == "b"


def test_what_torch_does_not_know_of_its_device() -> None:
    """Found by the UUID as torch writes it; what is not supported is None."""
    module = FakeNvml()
    facts = {"driver": "570.124", "power_limit_w": 700.0, "mig": False, "persistence": True}
    assert driver_facts("8f3e-1", module) == facts
    assert driver_facts("11aa-2", module)["mig"] is True
    assert driver_facts(None, module) == driver_facts("99", module) == {"driver": "570.124"}
    del module.answers["nvmlDeviceGetMigMode"], module.answers["nvmlDeviceGetPowerManagementLimit"]
    facts = driver_facts("8f3e-1", module)
    assert (facts["mig"], facts["power_limit_w"], facts["persistence"]) == (None, None, True)
    assert module.running == 0


def watched(module: FakeNvml, looks: int, workers: int = 1, **variables: str) -> NvmlWatch:
    """Watch cuda:0 for so many looks, and end."""
    left = iter([False] * (looks - 1) + [True])
    watch = NvmlWatch(0, workers, module, variables, lambda _: next(left))
    with watch:
        watch._thread.join()
    return watch


def test_a_watch_puts_its_samples_together() -> None:
    """Clocks of busy samples, the highest temperature and power, every reason."""
    module = FakeNvml(
        nvmlDeviceGetClockInfo=[300, 2000, 1980, 2600, 1710, 2610, 1920, 2619],  # SM, memory
        nvmlDeviceGetTemperature=[30, 55, 61, 60],
        nvmlDeviceGetPowerUsage=[90_000, 500_000, 698_500, 600_000],
        nvmlDeviceGetCurrentClocksEventReasons=[1, 0, 4, 2048],
        nvmlDeviceGetComputeRunningProcesses=[[], [], processes(4711), processes(4711)],
    )
    watch = watched(module, 4)
    assert watch.reason == ""
    assert watch.result == DeviceWatch(
        samples=4,
        sm_clock_min_mhz=1710,
        sm_clock_median_mhz=1920.0,
        memory_clock_min_mhz=2600,
        memory_clock_median_mhz=2610.0,
        temperature_max_c=61,
        power_max_w=698.5,
        reasons=("gpu_idle", "sw_power_cap", "bit_2048"),
        pids_before=(),
        pids_since=(4711,),
    )
    assert not watch.result.throttled
    assert not watch.result.foreign
    assert module.running == 0


@pytest.mark.parametrize(
    ("bits", "throttled"),
    [
        *((bit, False) for bit in (1, 2, 4, 16, 256)),
        *((bit, True) for bit in (8, 32, 64, 128, 4 | 64)),
    ],
)
def test_heat_and_power_brake_are_throttling_and_a_power_cap_is_not(bits, throttled) -> None:
    """By the bits of nvml.h."""
    module = FakeNvml(nvmlDeviceGetCurrentClocksEventReasons=lambda _: bits)
    assert watched(module, 1).result.throttled is throttled


@pytest.mark.parametrize(
    ("lists", "workers", "foreign"),
    [
        ([[], [], []], 1, False),
        ([[], processes(5), processes(5)], 1, False),
        ([processes(9), processes(5, 9), processes(5, 9)], 1, True),
        ([processes(9), [], []], 1, True),
        ([[], processes(5, 6), processes(5)], 1, True),
        ([[], processes(5), processes(6)], 1, True),
        ([[], processes(5, 6), processes(5, 6)], 2, False),
    ],
    ids=["none", "worker", "before", "ended", "two", "one by one", "two workers"],
)
def test_who_else_computes_on_the_device(lists, workers, foreign) -> None:
    """All that were there before the workers, and more than were to come; no matter which."""
    module = FakeNvml(nvmlDeviceGetComputeRunningProcesses=lists)
    assert watched(module, 2, workers).result.foreign is foreign


def test_what_was_there_before_is_not_what_came_since() -> None:
    """Nor is it forgotten when it ends."""
    lists = [processes(9, 8), processes(9, 8), processes(9, 5)]
    result = watched(FakeNvml(nvmlDeviceGetComputeRunningProcesses=lists), 2).result
    assert (result.pids_before, result.pids_since) == ((8, 9), (5,))


def test_a_device_that_tells_nothing_is_watched_all_the_same() -> None:
    """Every value is None, none of them 0, and no flag is raised."""
    module = FakeNvml()
    module.answers.clear()
    result = watched(module, 3).result
    assert result == DeviceWatch(3, *[None] * 9)
    assert not result.throttled
    assert not result.foreign
    document = result.to_dict()
    assert {v for k, v in document.items() if k not in ("samples", "throttled", "foreign")} == {
        None
    }


def test_drivers_before_535_have_another_name_for_the_reasons() -> None:
    """It is asked for second."""
    module = FakeNvml(nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: 64)
    del module.answers["nvmlDeviceGetCurrentClocksEventReasons"]
    assert watched(module, 1).result.reasons == ("hw_thermal_slowdown",)


def test_a_device_that_never_worked_has_the_clocks_of_its_idleness() -> None:
    """Better than none, and the reasons tell."""
    idle = Sample(345, 2619, 30, 70.0, 1, ())
    result = summary([idle, idle], (), 1)
    assert (result.sm_clock_median_mhz, result.reasons) == (345.0, ("gpu_idle",))


def test_without_a_driver_there_is_a_reason_and_no_result() -> None:
    """The measurement goes on."""
    with NvmlWatch(module=NoDriver()) as watch:
        pass
    assert watch.result is None
    assert watch.reason == "NVML does not start: Driver Not Loaded"
    assert driver_facts("8f3e-1", NoDriver()).keys() == {"driver"}


def test_without_the_module_there_is_a_reason_and_no_result(monkeypatch) -> None:
    """As on every machine without a GPU."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with NvmlWatch() as watch:
        pass
    assert (watch.result, watch.reason) == (None, "nvidia-ml-py is not installed")


def test_a_hidden_device_is_not_watched_and_nvml_is_ended() -> None:
    """The reason names the variable."""
    module = FakeNvml()
    with NvmlWatch(0, 1, module, {"CUDA_VISIBLE_DEVICES": "-1"}) as watch:
        pass
    assert watch.result is None
    assert "CUDA_VISIBLE_DEVICES='-1'" in watch.reason
    assert module.running == 0


def test_leaving_ends_the_thread_whatever_was_raised() -> None:
    """NVML is ended after it, not under it."""
    module = FakeNvml()
    watch = NvmlWatch(0, 1, module, {})
    with pytest.raises(KeyError), watch:
        raise KeyError
    assert not watch._thread.is_alive()
    assert watch.result.samples >= 1
    assert module.running == 0


@pytest.mark.gpu
def test_the_real_driver_answers() -> None:
    """Where there is one: a clock, a temperature, and a driver's version."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("pynvml")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with NvmlWatch() as watch:
        torch.ones(1, device="cuda").sum().item()
    assert watch.result is not None, watch.reason
    assert watch.result.temperature_max_c is not None
    assert driver_facts(str(torch.cuda.get_device_properties(0).uuid))["driver"]
