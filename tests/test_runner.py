"""Taking turns, with a clock that the test turns itself."""

import gc

import pytest
import torch
from torch import nn

import archbench
from archbench.errors import NothingMeasured
from archbench.measure.runner import take_turns
from archbench.measure.side_by_side import settle_statistics
from archbench.models.inputs import plan_inputs


class FakeClock:
    """Time passes only in the calls; the device works on until it is waited for."""

    def __init__(self) -> None:
        self.time = 0
        self.queued = 0
        self.events: list[str] = []

    def now_ns(self) -> int:
        return self.time

    def wait(self) -> None:
        self.time += self.queued
        self.queued = 0
        self.events.append("wait")

    def work(self, name: str, duration: int) -> None:
        self.events.append(name)
        self.queued += duration


def runner(durations: dict[str, int], seconds: float = 1.0, seed: int = 0):
    clock = FakeClock()
    calls = [lambda n=n, d=d: clock.work(n, d) for n, d in durations.items()]
    return clock, take_turns(calls, clock, seconds, seed)


def test_every_call_is_timed_with_the_device_idle_before_and_done_after() -> None:
    """Durations come out exactly, also those of work that the call only queued."""
    clock, rounds = runner({"a": 3_000_000, "b": 5_000_000})
    assert set(rounds.kept) == {(3_000_000, 5_000_000)}
    for i, event in enumerate(clock.events):
        if event != "wait":
            assert clock.events[i - 1] == clock.events[i + 1] == "wait"


def test_the_order_is_balanced_and_random() -> None:
    """Each second round is the one before it backwards; both orders begin as often."""
    clock, rounds = runner({"a": 1_000_000, "b": 1_000_000, "c": 1_000_000})
    names = [event for event in clock.events if event != "wait"]
    turns = [tuple(names[i : i + 3]) for i in range(0, len(names), 3)]
    assert len(turns) == len(rounds.kept) + rounds.warm_up
    for first, second in zip(turns[::2], turns[1::2], strict=False):
        assert second == first[::-1]
    assert len(set(turns)) == 6


def test_steady_times_settle_after_eight_rounds() -> None:
    """Four rounds agree with the four before: that is all the warm-up there is."""
    _, rounds = runner({"a": 1_000_000, "b": 2_000_000})
    assert (rounds.warm_up, rounds.settled) == (8, True)


def test_times_that_never_settle_are_said_to() -> None:
    """A model that gets faster and faster ends the warm-up by its time limit."""
    clock = FakeClock()
    duration = 10**8

    def faster() -> None:
        nonlocal duration
        duration = max(10**6, round(duration * 0.9))
        clock.work("a", duration)

    rounds = take_turns([faster], clock, 1.0, 0)
    assert not rounds.settled


def test_the_time_is_bounded_but_for_the_round_it_ends_in() -> None:
    """The round that is running is finished; one is measured in any case."""
    clock, rounds = runner({"a": 10**10}, seconds=1.0)
    assert len(rounds.kept) == 1
    assert clock.time == 2 * 10**10
    clock, rounds = runner({"a": 10**7}, seconds=2.0)
    assert clock.time <= 2.1e9
    assert len(rounds.kept) > 100


def test_progress_grows_to_one() -> None:
    """And never goes backwards."""
    clock = FakeClock()
    told: list[float] = []
    take_turns([lambda: clock.work("a", 10**7)], clock, 1.0, 0, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_garbage_collector_is_off_meanwhile() -> None:
    """And as it was afterwards."""
    clock = FakeClock()
    states = set()

    def look() -> None:
        states.add(gc.isenabled())
        clock.work("a", 10**7)

    before = gc.isenabled()
    take_turns([look], clock, 0.5, 0)
    assert states == {False}
    assert gc.isenabled() == before


def test_nothing_to_measure_is_an_error() -> None:
    """Exit code 5, never a success."""
    with pytest.raises(NothingMeasured) as caught:
        take_turns([], FakeClock(), 1.0, 0)
    assert caught.value.exit_code == 5


def test_settled_statistics_keep_a_deep_network_finite() -> None:
    """resnet110 with fresh statistics grows by orders of magnitude; settled, it does not."""
    torch.manual_seed(0)
    model = archbench.build("resnet110").eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        before = model(x).abs().max()
        settle_statistics(model, plan_inputs(model, (3, 32, 32), None, 1), torch.device("cpu"))
        after = model(x).abs().max()
    assert before > 1e6
    assert after < 1e3
    assert not model.training
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}
