"""Taking turns, with a clock that the test turns itself."""

import gc

import pytest
import torch
from torch import nn

import archbench
from archbench.garbage_collector import is_frozen
from archbench.networks.inputs import plan_inputs
from archbench.timing.records import LiveTensors
from archbench.timing.worker.runner import Rounds, take_turns
from archbench.timing.worker.settle import settle_statistics
from archbench.timing.worker.time_budget import Effort
from tests.clocks import FakeClock

MS = 1_000_000
SHORT = Effort(warm_up_least_s=0.0, warm_up_most_s=0.5, measure_s=1.0)


def runner(durations: dict[str, int], effort: Effort = SHORT) -> tuple[FakeClock, Rounds]:
    clock = FakeClock()
    calls = [lambda n=n, d=d: clock.work(n, d) for n, d in durations.items()]
    return clock, take_turns(calls, clock, effort, seed=0)


def test_every_call_is_timed_with_the_device_idle_before_and_done_after() -> None:
    """Durations come out exactly, also those of work that the call only queued."""
    clock, rounds = runner({"a": 3 * MS, "b": 5 * MS})
    assert set(rounds.kept) == {(3 * MS, 5 * MS)}
    for i, event in enumerate(clock.events):
        if event != "wait":
            assert clock.events[i - 1] == clock.events[i + 1] == "wait"


def test_warm_up_comes_first_and_then_the_rounds_that_are_kept() -> None:
    """As a list of events: eight rounds to settle, then those that are measured."""
    clock, rounds = runner({"a": 100 * MS}, Effort(0.0, 5.0, 0.35))
    assert clock.events == ["wait", "a", "wait"] * (8 + 4)
    assert (rounds.warm_up, len(rounds.kept)) == (8, 4)


def test_the_order_is_balanced_and_random() -> None:
    """Each second round is the one before it backwards; both orders begin as often."""
    clock, rounds = runner({"a": MS, "b": MS, "c": MS})
    names = [event for event in clock.events if event != "wait"]
    turns = [tuple(names[i : i + 3]) for i in range(0, len(names), 3)]
    assert len(turns) == len(rounds.kept) + rounds.warm_up
    for first, second in zip(turns[::2], turns[1::2], strict=False):
        assert second == first[::-1]
    assert len(set(turns)) == 6


def test_steady_times_settle_after_eight_rounds() -> None:
    """The last quarter agrees with the quarter before: that is all the warm-up there is."""
    _, rounds = runner({"a": MS, "b": 2 * MS})
    assert (rounds.warm_up, rounds.settled) == (8, True)


def test_the_shortest_warm_up_is_kept_to_though_times_are_steady() -> None:
    """A device's clock rises for longer than its first times show."""
    _, rounds = runner({"a": MS}, Effort(0.2, 1.0, 0.1))
    assert rounds.warm_up == 200


def test_times_that_never_settle_are_said_to() -> None:
    """A model that gets faster and faster ends the warm-up by its time limit."""
    clock = FakeClock()
    duration = 100 * MS

    def faster() -> None:
        nonlocal duration
        duration = max(MS, round(duration * 0.9))
        clock.work("a", duration)

    rounds = take_turns([faster], clock, Effort(0.0, 0.4, 0.5), seed=0)
    assert not rounds.settled


def test_a_slow_model_has_settled_when_its_halves_agree() -> None:
    """It has no time for eight rounds of warming up; what was kept tells."""
    _, rounds = runner({"a": 1000 * MS}, Effort(0.0, 0.5, 3.0, least_rounds=4))
    assert (rounds.warm_up, len(rounds.kept), rounds.settled) == (1, 4, True)


def test_one_round_cannot_tell_whether_it_has_settled() -> None:
    """And does not say so."""
    _, rounds = runner({"a": 1000 * MS}, Effort(0.0, 0.5, 0.5, least_rounds=1))
    assert (len(rounds.kept), rounds.settled) == (1, False)


def test_warm_up_goes_on_while_something_is_compiled() -> None:
    """Five rounds without a new graph, besides steady times."""
    clock = FakeClock()
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        clock.work("a", MS)

    rounds = take_turns([count], clock, SHORT, 0, compilations=lambda: min(calls, 20))
    assert rounds.warm_up >= 25
    assert not rounds.recompiled


def test_a_compilation_while_the_clock_runs_is_told() -> None:
    """Its time is in a figure then."""
    clock = FakeClock()
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        clock.work("a", MS)

    rounds = take_turns([count], clock, SHORT, 0, compilations=lambda: int(calls > 300))
    assert rounds.recompiled


def test_the_time_is_bounded_but_for_the_round_it_ends_in() -> None:
    """The round that is running is finished; as many as were asked for are kept in any case."""
    clock, rounds = runner({"a": 10_000 * MS}, Effort(0.0, 0.5, 1.0, least_rounds=1))
    assert len(rounds.kept) == 1
    assert clock.time == 20_000 * MS
    clock, rounds = runner({"a": 10 * MS}, Effort(0.0, 0.5, 2.0))
    assert clock.time <= 2.6e9
    assert len(rounds.kept) > 100


@pytest.mark.parametrize(("bytes_a_call", "grew"), [(8, True), (0, False)])
def test_tensors_are_counted_before_and_after_the_rounds_that_are_kept(
    bytes_a_call: int, grew: bool
) -> None:
    """Growth of the warm-up, as of a cache that fills, is not told."""
    clock, calls = FakeClock(), 0

    def count() -> None:
        nonlocal calls
        calls += 1
        clock.work("a", 100 * MS)

    def live() -> LiveTensors:
        clock.events.append("live")
        return LiveTensors(3, 1000 + bytes_a_call * calls)

    rounds = take_turns([count], clock, Effort(0.0, 5.0, 0.35), 0, live_tensors=live)
    call = ["wait", "a", "wait"]
    assert clock.events == [*call * 8, "live", *call * 4, "live"]
    assert rounds.grew is grew


@pytest.mark.parametrize("frozen_before", [False, True])
def test_the_garbage_collector_is_off_meanwhile(frozen_before: bool) -> None:
    """Existing objects are frozen meanwhile. Afterwards collector and objects are as before."""
    clock = FakeClock()
    states = set()

    def look() -> None:
        states.add((gc.isenabled(), is_frozen()))
        clock.work("a", 200 * MS)

    gc.unfreeze()
    if frozen_before:
        gc.freeze()
    enabled = gc.isenabled()
    try:
        take_turns([look], clock, SHORT, 0)
        assert states == {(False, True)}
        assert (gc.isenabled(), is_frozen()) == (enabled, frozen_before)
    finally:
        gc.freeze()  # as tests/conftest.py has it


def test_settled_statistics_keep_a_deep_network_finite() -> None:
    """resnet110 with fresh statistics grows by orders of magnitude; settled, it does not."""
    torch.manual_seed(0)
    model = archbench.build("resnet110").eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        before = model(x).abs().max()
        settle_statistics(model, plan_inputs(model, (3, 32, 32), None, 2), torch.device("cpu"))
        after = model(x).abs().max()
    assert before > 1e6
    assert after < 1e3
    assert not model.training
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}
