"""benchmarks/gpu_check.py without a device: every part runs and writes its table."""

import pytest

from archbench.timing.sessions import launch as launching
from benchmarks import gpu_check


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> gpu_check.Plan:
    """Next to nothing of everything, in this process."""
    monkeypatch.setattr(launching, "launch", gpu_check.in_this_process)
    return gpu_check.Plan(dry=True)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("sweep", "| resnet20 | 2 | amp nhwc infer |"),
        ("ways", "| plain20 | 2 | bf16 nhwc train |"),
        ("equal-pairs", "resnet20 against itself, 2 times:"),
        ("peaks", "| plain20 | train | 2 |"),
        ("largest", "| resnet20 | infer |"),
    ],
)
def test_every_part_writes_its_table(plan: gpu_check.Plan, part: str, expected: str) -> None:
    """With the device's own times from a queue that is made up."""
    assert expected in gpu_check.PARTS[part](plan)


def test_a_made_up_queue_gives_its_own_times(plan: gpu_check.Plan) -> None:
    """A millisecond from mark to mark."""
    assert "| 1.00 ms |" in gpu_check.sweep(plan)
